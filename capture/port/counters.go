// SPDX-License-Identifier: Apache-2.0

package port

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"lastpage/capture/wire"
)

// counters is what a driver counts: struct serial_icounter_struct in
// include/uapi/linux/serial.h, all of it since the driver was loaded.
type counters struct {
	cts, dsr, rng, dcd, rx, tx           int32
	frame, overrun, parity, brk, bufOver int32
	_                                    [9]int32
}

var errNoCounters = errors.New("this port counts no errors")

func (t *tty) counters() (c counters, err error) {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(t.descriptor), unix.TIOCGICOUNT, uintptr(unsafe.Pointer(&c)))
	if errno == unix.ENOTTY || errno == unix.EINVAL {
		return c, errNoCounters
	}
	if errno != 0 {
		return c, fmt.Errorf("TIOCGICOUNT: %w", errno)
	}
	return c, nil
}

// received is by how much the count of received bytes moved, without those that found no room in the tty; it may wrap around.
func (c counters) received(o counters) int64 {
	return int64(uint32(c.rx-o.rx)) - int64(uint32(c.bufOver-o.bufOver))
}

// since is by how much the counters moved; they may wrap around.
func (c counters) since(o counters) wire.Counted {
	return wire.Counted{
		Overrun: int(uint32(c.overrun-o.overrun)) + int(uint32(c.bufOver-o.bufOver)),
		Framing: int(uint32(c.frame - o.frame)),
		Parity:  int(uint32(c.parity - o.parity)),
		Break:   int(uint32(c.brk - o.brk)),
	}
}

// ledger compares what the driver has counted with what came to us. A byte and an error may be counted up to a second before we have read
// them: the count of one look is held against what was read by the next. Bytes that lay in the tty before base count against read.
type ledger struct {
	base, last counters
	read       int64        // characters of the line that we have: bytes and BREAKs
	told       wire.Counted // all that was marked, placed or not
	unread     int64        // bytes that were marked as lost
}

// owed is what the driver counted and nobody has told of yet: errors without a place, and bytes that we never got.
func (l *ledger) owed(now counters, end bool) (c wire.Counted, unread int64) {
	then := l.last
	l.last = now
	d := then.since(l.base)
	if end {
		d = now.since(l.base)
	}
	c.Overrun = now.since(l.base).Overrun - l.told.Overrun
	// A framing error of the byte 0 came as a BREAK; here it gets its own mark.
	c.Break = max(0, d.Break-l.told.Break)
	c.Framing = max(0, d.Framing-l.told.Framing)
	c.Parity = max(0, d.Parity-l.told.Parity)
	l.told.Overrun += c.Overrun
	l.told.Break += c.Break
	l.told.Framing += c.Framing
	l.told.Parity += c.Parity
	unread = max(0, then.received(l.base)-l.read-l.unread)
	l.unread += unread
	return c, unread
}
