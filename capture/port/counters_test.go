// SPDX-License-Identifier: Apache-2.0

package port

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"lastpage/capture/wire"
)

func (p piece) String() string {
	if p.kind != 0 {
		return "<" + p.kind.String() + ">"
	}
	return fmt.Sprintf("%q", p.data)
}

// What a tty with PARMRK says, in whatever portions it is read.
func TestParmrk(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"one\xff\x00\x00two", `"one"<break>"two"`},
		{"a\x00b", `"a\x00b"`},
		{"\xff\xff", `"\xff"`},
		{"\xff\xff\x00\x00", `"\xff\x00\x00"`},
		{"a\xff\x00bc", `"a"<framing error>"bc"`},
		{"a\xff\x00\xffc", `"a"<framing error>"\xffc"`},
		{"\xff\x00\x00\xff\x00\x00", `<break><break>`},
		{"old \xffx", `"old \xffx"`}, // not doubled: it lay there before the tty was set up
	} {
		for cut := 0; cut <= len(c.in); cut++ {
			d := parmrk{errors: wire.MarkFraming}
			var out []piece
			var all []piece
			for _, in := range []string{c.in[:cut], c.in[cut:]} {
				for _, p := range d.decode([]byte(in)) {
					p.data = bytes.Clone(p.data)
					all = append(all, p)
				}
			}
			for _, p := range all {
				if n := len(out); n > 0 && p.kind == 0 && out[n-1].kind == 0 {
					out[n-1].data = append(out[n-1].data, p.data...)
					continue
				}
				out = append(out, p)
			}
			var got strings.Builder
			for _, p := range out {
				got.WriteString(p.String())
			}
			if got.String() != c.want {
				t.Errorf("%q cut at %d: %s, want %s", c.in, cut, got.String(), c.want)
			}
		}
	}
}

// What the driver counted is marked once, with what came at its place taken off; bytes that were counted and never came are lost.
func TestLedger(t *testing.T) {
	base := counters{rx: -10, frame: 7, overrun: 3, brk: 1} // counters wrap
	l := &ledger{base: base, last: base, read: -4}          // 4 bytes lay there before
	c := base
	step := func(change func(), want wire.Counted, unread int64) {
		t.Helper()
		change()
		if got, lost := l.owed(c, false); got != want || lost != unread {
			t.Errorf("%+v, %d; want %+v, %d", got, lost, want, unread)
		}
	}
	step(func() { l.read += 4 }, wire.Counted{}, 0)
	step(func() { c.rx += 100; c.frame++; c.brk++; c.overrun += 2 }, wire.Counted{Overrun: 2}, 0) // counted, not yet read
	step(func() { l.read += 100; l.told.Break++ }, wire.Counted{Framing: 1}, 0)
	step(func() { c.rx += 50 }, wire.Counted{}, 0)
	step(func() { l.read += 20 }, wire.Counted{}, 30) // somebody else has read them
	step(func() {}, wire.Counted{}, 0)
	step(func() { c.rx += 10; c.bufOver += 10 }, wire.Counted{Overrun: 10}, 0) // not told of twice
	step(func() {}, wire.Counted{}, 0)
	c.parity++
	if got, _ := l.owed(c, true); got.Parity != 1 {
		t.Errorf("at the end: %+v", got)
	}
}
