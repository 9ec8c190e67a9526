// SPDX-License-Identifier: Apache-2.0

package port

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"go.bug.st/serial"
	"golang.org/x/sys/unix"
)

// tty is a serial port or a pty. The library moves the bytes; what it does not
// tell (the rate that was set, the UART's counters) is asked through a second
// descriptor of the same port. That one is opened first, because the port is
// exclusive afterwards (TIOCEXCL), and stays open, so that the port is never
// closed and opened again in between.
type tty struct {
	serial.Port
	fd     int // O_NONBLOCK
	pseudo bool
}

func openTTY(cfg Config) (source, error) {
	if cfg.Baud <= 0 {
		return nil, fmt.Errorf("no baud rate given") // the library would take 0 for 9600
	}
	fd, err := unix.Open(cfg.Name, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EBUSY) {
		return nil, errors.New("another program holds it exclusively")
	}
	if err != nil {
		return nil, err
	}
	p, err := serial.Open(cfg.Name, &serial.Mode{BaudRate: cfg.Baud, DataBits: 8, Parity: serial.NoParity, StopBits: serial.OneStopBit})
	if err == nil {
		err = p.SetReadTimeout(readWait)
	}
	if err == nil {
		err = unix.IoctlSetInt(fd, unix.TIOCEXCL, 0)
	}
	if err != nil {
		if p != nil {
			_ = p.Close()
		}
		_ = unix.Close(fd)
		return nil, err
	}
	return &tty{Port: p, fd: fd, pseudo: isPTS(fd)}, nil
}

func (t *tty) Close() error { return errors.Join(t.Port.Close(), unix.Close(t.fd)) }

func (t *tty) baud() int {
	termios, err := unix.IoctlGetTermios(t.fd, unix.TCGETS2)
	if err != nil {
		return 0
	}
	return int(termios.Ispeed)
}

// counters is what a driver counts: struct serial_icounter_struct in
// include/uapi/linux/serial.h, all of it since the driver was loaded.
type counters struct {
	cts, dsr, rng, dcd, rx, tx           int32
	frame, overrun, parity, brk, bufOver int32
	_                                    [9]int32
}

func (t *tty) counters() (c counters, err error) {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(t.fd), unix.TIOCGICOUNT, uintptr(unsafe.Pointer(&c)))
	if errno == unix.ENOTTY || errno == unix.EINVAL {
		return c, errNoCounters
	}
	if errno != 0 {
		return c, fmt.Errorf("TIOCGICOUNT: %w", errno)
	}
	return c, nil
}

// since is by how much the counters moved; they may wrap around.
func (c counters) since(o counters) Counted {
	return Counted{
		Overrun: int(uint32(c.overrun-o.overrun)) + int(uint32(c.bufOver-o.bufOver)),
		Framing: int(uint32(c.frame - o.frame)),
		Parity:  int(uint32(c.parity - o.parity)),
		Break:   int(uint32(c.brk - o.brk)),
	}
}

// isPTS says whether fd is the slave of a pty: majors 136 to 143 (Documentation/admin-guide/devices.txt).
func isPTS(fd int) bool {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return false
	}
	m := unix.Major(st.Rdev)
	return m >= 136 && m <= 143
}

func (t *tty) caps() Caps {
	c := Caps{Write: true, Break: !t.pseudo, Rate: !t.pseudo}
	if _, err := t.counters(); err == nil {
		c.Counters = true
	} else {
		c.Unseen = append(c.Unseen, "overruns and line errors")
	}
	if t.pseudo {
		c.Unseen = append(c.Unseen, "BREAK", "the rate of the line")
	}
	return c
}

// write sends b as fast as the line takes it. A line that takes nothing is waited for until ctx ends.
func (t *tty) write(ctx context.Context, b []byte) error {
	for sent := 0; sent < len(b); {
		n, err := unix.Write(t.fd, b[sent:])
		switch {
		case n > 0:
			sent += n
		case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("%d bytes were sent: %w", sent, err)
			}
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(t.fd), Events: unix.POLLOUT}}, int(readWait.Milliseconds()))
		default:
			return fmt.Errorf("%d bytes were sent: %w", sent, err)
		}
	}
	return nil
}

// sendBreak drains what was written before, so that the BREAK stays at its place.
func (t *tty) sendBreak(ctx context.Context, d time.Duration) error {
	if t.pseudo {
		return ErrNoBreak
	}
	if err := t.Drain(); err != nil {
		return err
	}
	if err := unix.IoctlSetInt(t.fd, unix.TIOCSBRK, 0); err != nil {
		return err
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	return errors.Join(ctx.Err(), unix.IoctlSetInt(t.fd, unix.TIOCCBRK, 0))
}
