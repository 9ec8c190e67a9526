// SPDX-License-Identifier: Apache-2.0

package port

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"lastpage/capture/telnet"
)

func (t *terminal) ready(d time.Duration) bool {
	return len(t.pieces) > 0 || t.watch.wait(t.descriptor, d)
}

func (t *terminal) read(buf []byte) ([]piece, error) {
	var err error
	if len(t.pieces) == 0 {
		var n int
		n, err = t.get(buf)
		t.feed(buf[:n])
	}
	p := t.pieces
	t.pieces = nil
	return p, err
}

func (t *terminal) look() []finding {
	found := t.tcp.look()
	if t.newModem {
		t.newModem = false
		found = append(found, finding{modem: t.modem})
	}
	if t.bad != "" {
		found = append(found, finding{void: t.bad})
		t.bad = ""
	}
	return found
}

func (t *terminal) rate() int {
	if b := t.answers[telnet.SetBaud]; len(b) == 4 {
		return int(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (t *terminal) caps() Caps {
	c := Caps{Write: true, Break: true, Rate: t.rate() != 0}
	mask := t.answers[telnet.SetLineMask]
	c.Counters = t.com && len(mask) == 1 && mask[0]&telnet.LineErrors == telnet.LineErrors
	if !c.Counters {
		c.Unseen = append(c.Unseen, unseenErrors)
		if t.com {
			c.Unseen = append(c.Unseen, unseenBreak)
		}
	}
	if !c.Rate {
		c.Unseen = append(c.Unseen, unseenRate)
	}
	if t.parser.NVT {
		c.Unseen = append(c.Unseen, "a NUL after a CR: the server does not send BINARY")
	}
	c.Unseen = append(c.Unseen, unseenServer)
	return c
}

// write doubles IAC, and keeps to the server's flow control.
func (t *terminal) write(ctx context.Context, b []byte) error {
	for t.suspended.Load() {
		if err := nap(ctx, 10*time.Millisecond); err != nil {
			return fmt.Errorf("the server has suspended sending: %w", err)
		}
	}
	t.sending.Lock()
	defer t.sending.Unlock()
	defer t.flush()
	if t.plainOut {
		b = bareCRs(b)
	}
	return t.put(ctx, telnet.Escape(b))
}

// bareCRs puts a NUL after each CR that no LF follows (RFC 854).
func bareCRs(b []byte) []byte {
	out := make([]byte, 0, len(b)+8)
	for i, c := range b {
		out = append(out, c)
		if c == '\r' && (i+1 == len(b) || b[i+1] != '\n') {
			out = append(out, 0)
		}
	}
	return out
}

// sendBreak holds the line in BREAK through RFC 2217; telnet's own BRK has the length that the server gives it.
func (t *terminal) sendBreak(ctx context.Context, d time.Duration) error {
	put := func(b []byte) error {
		t.sending.Lock()
		defer t.sending.Unlock()
		defer t.flush()
		return t.put(ctx, b)
	}
	if !t.com {
		return put([]byte{telnet.IAC, telnet.BRK})
	}
	if err := put(telnet.Subnegotiation(telnet.ComPort, telnet.SetControl, telnet.ControlBreakOn)); err != nil {
		return err
	}
	err := nap(ctx, d)
	ctx = context.WithoutCancel(ctx) // a line is not left in BREAK
	if perr := put(telnet.Subnegotiation(telnet.ComPort, telnet.SetControl, telnet.ControlBreak)); err == nil {
		err = perr
	}
	return err
}
