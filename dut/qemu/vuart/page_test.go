// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRingOverflow: a harness that does not drain loses bytes, and the page says so; the guest goes on.
func TestRingOverflow(t *testing.T) {
	c := small()
	c.Records = 8
	d := newDriver(t, c)
	d.program(1, 3, 1, 0)
	d.send(0, "0123456789")
	d.do(op{Op: opUntil, NS: 1 * s})
	if got := wire(d.recs()); got != "01234567" {
		t.Errorf("wire %q", got)
	}
	st := d.page.Stats()
	if st.RecsLost != 2 || st.Wire != 10 || len(st.Void()) == 0 {
		t.Errorf("lost %d of %d, void %v", st.RecsLost, st.Wire, st.Void())
	}
	d.send(2*s, "ab")
	d.do(op{Op: opUntil, NS: 3 * s})
	if got := wire(d.recs()); got != "ab" {
		t.Errorf("afterwards: wire %q", got)
	}
}

// TestLongTrial: much more than the ring holds, drained now and then.
func TestLongTrial(t *testing.T) {
	c := small()
	c.Records = 64
	d := newDriver(t, c)
	d.program(1, 3, 1, 0)
	text := strings.Repeat("sixteen bytes...", 500)
	var got strings.Builder
	for i := 0; i < len(text); i += 16 {
		d.send(int64(i/16)*2*ms, text[i:i+16])
		if i%48 == 0 {
			got.WriteString(wire(d.recs()))
		}
	}
	d.do(op{Op: opUntil, NS: 10 * s})
	got.WriteString(wire(d.recs()))
	if got.String() != text {
		t.Errorf("%d bytes of %d", got.Len(), len(text))
	}
	if v := d.page.Stats().Void(); len(v) > 0 {
		t.Error(v)
	}
}

func TestEventRing(t *testing.T) {
	d := newDriver(t, small())
	d.do(op{Op: opDoorbell, Arg: 5 | 0xabcdef<<8, NS: 17})
	e := d.events()
	if len(e) != 1 || e[0].Code != 5 || e[0].Arg != 0xabcdef || e[0].NS != 17 || e[0].CPU != 0 || e[0].Kind != Doorbell {
		t.Errorf("%+v", e)
	}
	var ops []op
	for i := range 1030 {
		ops = append(ops, op{Op: opDoorbell, Arg: 1, NS: 20 + int64(i)})
	}
	d.do(ops...)
	if n := d.page.Stats().EventsLost; n != 6 {
		t.Errorf("%d lost", n)
	}
}

func TestPushRX(t *testing.T) {
	d := newDriver(t, small())
	d.program(1, 3, 1, 0)
	// While the VM runs without Live nobody looks; a stop and a start do.
	if err := d.page.PushRX(RX{Key: Key{Byte: 'a'}}, RX{Key: Key{Byte: 'b'}, AtNS: 5 * ms}); err != nil {
		t.Fatal(err)
	}
	d.do(op{Op: opRun, Val: 0, NS: 1 * ms}, op{Op: opRun, Val: 1, NS: 1 * ms})
	for _, c := range []struct {
		ns   int64
		want uint8
	}{{1*ms + 86805, 0x60}, {1*ms + 86806, 0x61}} {
		if v := d.read(c.ns, rLSR); v != c.want {
			t.Errorf("%d ns: LSR %#x", c.ns, v)
		}
	}
	if v := d.read(2*ms, rData); v != 'a' {
		t.Errorf("%q", v)
	}
	if v := d.read(5*ms+86805, rLSR); v != 0x60 {
		t.Errorf("too early: LSR %#x", v)
	}
	if v := d.read(5*ms+86806, rData); v != 'b' {
		t.Errorf("%q", v)
	}
	if n := d.page.RXFree(); n != inboxLen {
		t.Errorf("%d free", n)
	}
	if err := d.page.PushRX(make([]RX, inboxLen+1)...); !errors.Is(err, ErrFull) {
		t.Errorf("full: %v", err)
	}
	if err := d.page.PushRX(RX{Dur: 5 * time.Second}); err == nil {
		t.Error("a BREAK longer than can be said was taken")
	}
}

// TestCopy: what is drained is left out, the rest and the device go along.
func TestCopy(t *testing.T) {
	d := newDriver(t, small())
	d.program(1, 3, 1, 0)
	d.send(0, "abcd")
	d.read(100*us, rLSR) // nobody looked so far, so nothing was worked out
	if got := wire(d.recs()); got != "a" {
		t.Fatalf("wire %q", got)
	}
	d.read(200*us, rLSR)
	f, err := os.Create(filepath.Join(t.TempDir(), "copy"))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.page.Copy(f); err != nil {
		t.Fatal(err)
	}
	p, err := Map(f)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var got []Rec
	if _, err := p.Drain(func(rs []Rec) { got = append(got, rs...) }); err != nil {
		t.Fatal(err)
	}
	if wire(got) != "b" {
		t.Errorf("the copy has %q", wire(got))
	}
	if a, b := d.page.Stats(), p.Stats(); a != b {
		t.Errorf("the copy differs: %+v, %+v", a, b)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	p, err := Create(good, small())
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	page, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"empty":      func(b []byte) []byte { return nil },
		"short":      func(b []byte) []byte { return b[:1000] },
		"truncated":  func(b []byte) []byte { return b[:len(b)-4096] },
		"magic":      func(b []byte) []byte { b[0] = 'x'; return b },
		"version":    func(b []byte) []byte { b[8] = 99; return b },
		"ring off":   func(b []byte) []byte { b[27] = 0xff; return b },
		"ring cap":   func(b []byte) []byte { b[42] = 0xff; return b },
		"ring empty": func(b []byte) []byte { clear(b[40:44]); return b },
	} {
		path := filepath.Join(dir, "bad")
		if err := os.WriteFile(path, damage(append([]byte(nil), page...)), 0o644); err != nil {
			t.Fatal(err)
		}
		if p, err := Open(path); err == nil {
			p.Close()
			t.Errorf("%s: opened", name)
		}
	}
	if _, err := Create(good, small()); err == nil {
		t.Error("made over an existing page")
	}
	c := small()
	c.Records = 1000
	if _, err := Create(filepath.Join(dir, "odd"), c); err == nil {
		t.Error("a ring of 1000 was taken")
	}
}

// FuzzOpen: whatever is in the file, opening and draining it neither panics nor reads outside.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	p, err := Create(filepath.Join(dir, "seed"), Config{Base: 115200, Records: 4, Events: 4})
	if err != nil {
		f.Fatal(err)
	}
	p.Close()
	page, err := os.ReadFile(filepath.Join(dir, "seed"))
	if err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(dir, "fuzz")
	f.Add(uint16(0), []byte("LPVUART"))
	f.Add(uint16(24), []byte{0xff, 0xff, 0xff})          // ring offsets
	f.Add(uint16(40), []byte{0, 0, 0, 0x80, 0, 0, 0, 0}) // ring sizes
	f.Fuzz(func(t *testing.T, off uint16, patch []byte) {
		b := append([]byte(nil), page...)
		copy(b[int(off)%len(b):], patch)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := Open(path)
		if err != nil {
			return
		}
		defer p.Close()
		n := 0
		_, _ = p.Drain(func(rs []Rec) { n += len(rs) })
		_, _ = p.Events(func(es []Event) { n += len(es) })
		if n > 8 {
			t.Errorf("%d items out of rings of 4", n)
		}
		p.Stats()
		p.Firings(MaxTriggers)
		_ = p.PushRX(RX{})
	})
}
