// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	"slices"
	"testing"
)

const (
	us = 1_000
	ms = 1_000_000
	s  = 1_000_000_000
)

// program sets divisor, format and FIFO control at time 0, and connects the interrupt.
func (d *driver) program(divisor uint16, lcr, fcr, ier uint8) {
	d.do(op{Op: opWrite, Reg: rLCR, Val: 0x80}, op{Op: opWrite, Reg: rData, Val: uint8(divisor)},
		op{Op: opWrite, Reg: rIER, Val: uint8(divisor >> 8)}, op{Op: opWrite, Reg: rLCR, Val: lcr},
		op{Op: opWrite, Reg: rIIR, Val: fcr}, op{Op: opWrite, Reg: rMCR, Val: 0x0b}, op{Op: opWrite, Reg: rIER, Val: ier})
}

func (d *driver) send(ns int64, text string) {
	for i := range len(text) {
		d.write(ns, rData, text[i])
	}
}

func wire(recs []Rec) string {
	var b []byte
	for _, r := range recs {
		if r.Data() {
			b = append(b, r.Byte)
		}
	}
	return string(b)
}

func edgesOf(rs []result) []refEdge {
	var out []refEdge
	for _, r := range rs {
		if r.What == gotIRQ {
			out = append(out, refEdge{r.NS, r.Val != 0})
		}
	}
	return out
}

// TestRates: sixteen back-to-back frames take exactly sixteen frame times, at every rate and in every format. The figures are
// 16 * bits / baud, worked out by hand.
func TestRates(t *testing.T) {
	for _, c := range []struct {
		name    string
		base    uint32
		divisor uint16
		lcr     uint8
		ns      float64
	}{
		{"115200 8N1", 115200, 1, 3, 1388888.889},
		{"9600 8N1", 115200, 12, 3, 16666666.667},
		{"1200 8N1", 115200, 96, 3, 133333333.333},
		{"57600 8N1", 115200, 2, 3, 2777777.778},
		{"115200 7E1", 115200, 1, 0x1a, 1388888.889},
		{"115200 8N2", 115200, 1, 7, 1527777.778},
		{"115200 8E1", 115200, 1, 0x1b, 1527777.778},
		{"115200 5N1.5", 115200, 1, 4, 1041666.667},
		{"115200 5N1", 115200, 1, 0, 972222.222},
		{"50 8N1", 115200, 2304, 3, 3200000000},
		{"921600 8N1", 921600, 1, 3, 173611.111},
		{"3000000 8N1", 3000000, 1, 3, 53333.333},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := small()
			cfg.Base = c.base
			d := newDriver(t, cfg)
			d.program(c.divisor, c.lcr, 1, 0)
			d.send(1*s, "0123456789abcdef")
			d.do(op{Op: opUntil, NS: 100 * s})
			recs := d.recs()
			if len(recs) != 16 {
				t.Fatalf("%d frames", len(recs))
			}
			got := float64(recs[15].EndNS-1*s) + float64(recs[15].Ninths)/9
			if off := got/c.ns - 1; off > 5e-6 || off < -5e-6 {
				t.Errorf("16 frames take %.3f ns, %.3f are right", got, c.ns)
			}
			if st := d.page.Stats(); len(st.Void()) > 0 || st.Wire != 16 {
				t.Errorf("wire %d, void %v", st.Wire, st.Void())
			}
		})
	}
}

func TestTransmitterStatus(t *testing.T) {
	d := newDriver(t, small())
	d.program(1, 3, 1, 0)
	if v := d.read(0, rLSR); v != 0x60 {
		t.Errorf("idle: LSR %#x", v)
	}
	d.send(0, "ab")
	for _, c := range []struct {
		ns  int64
		lsr uint8
		why string
	}{
		{1, 0x00, "one shifting, one waiting"},
		{86805, 0x00, "the first one ends a fraction later"},
		{86806, 0x20, "the second one shifts, FIFO empty"},
		{173611, 0x20, "likewise"},
		{173612, 0x60, "all out"},
	} {
		if v := d.read(c.ns, rLSR); v != c.lsr {
			t.Errorf("%d ns, %s: LSR %#x, want %#x", c.ns, c.why, v, c.lsr)
		}
	}
}

// TestFIFODepth: one in the shift register and sixteen behind it. One more is lost, and the FIFO keeps what it has.
func TestFIFODepth(t *testing.T) {
	d := newDriver(t, small())
	d.program(1, 3, 1, 0)
	d.send(0, "0123456789abcdefg!")
	d.do(op{Op: opUntil, NS: 1 * s})
	if got := wire(d.recs()); got != "0123456789abcdefg" {
		t.Errorf("wire %q", got)
	}
	st := d.page.Stats()
	if st.Overwritten != 1 || st.Writes != 18 || st.Wire != 17 {
		t.Errorf("%+v", st.Counts)
	}
	if v := st.Void(); len(v) != 1 { // a page without icount: an overrun may be the host's doing
		t.Errorf("void: %v", v)
	}
}

// TestHoldingRegister: without FIFO the holding register takes one byte and the next overwrites it.
func TestHoldingRegister(t *testing.T) {
	d := newDriver(t, small())
	d.program(1, 3, 0, 0)
	d.send(0, "abc")
	d.do(op{Op: opUntil, NS: 1 * s})
	if got := wire(d.recs()); got != "ac" {
		t.Errorf("wire %q", got)
	}
}

// TestTransmitInterrupt: in FIFO mode it comes when the FIFO runs empty; held back by a character less a stop bit if only one byte
// was ever waiting; a read of IIR takes it away, and enabling it with an empty transmitter brings it at once.
func TestTransmitInterrupt(t *testing.T) {
	d := newDriver(t, small())
	d.program(1, 3, 1, 2)
	if v := d.read(0, rIIR); v != 0xc2 {
		t.Errorf("enabled while empty: IIR %#x", v)
	}
	if v := d.read(0, rIIR); v != 0xc1 {
		t.Errorf("after a read of IIR: %#x", v)
	}
	d.send(0, "a")
	got := edgesOf(d.do(op{Op: opUntil, NS: 1 * ms}))
	if want := []refEdge{{78125, true}}; !slices.Equal(got, want) { // 9 of 10 bits: 78125 ns
		t.Errorf("single byte: %v, want %v", got, want)
	}
	d.read(2*ms, rIIR)
	d.send(2*ms, "abc")
	got = edgesOf(d.do(op{Op: opUntil, NS: 3 * ms}))
	if want := []refEdge{{2*ms + 173612, true}}; !slices.Equal(got, want) { // when c starts
		t.Errorf("three bytes: %v, want %v", got, want)
	}
}

// TestInterruptGate: on a PC nothing gets through without OUT2, nor in loopback.
func TestInterruptGate(t *testing.T) {
	d := newDriver(t, small())
	d.program(1, 3, 1, 0)
	d.write(0, rMCR, 0)
	if e := edgesOf(d.write(0, rIER, 2)); len(e) != 0 {
		t.Errorf("without OUT2: %v", e)
	}
	if e := edgesOf(d.write(0, rMCR, 8)); !slices.Equal(e, []refEdge{{0, true}}) {
		t.Errorf("with OUT2: %v", e)
	}
	if e := edgesOf(d.write(0, rMCR, 0x18)); !slices.Equal(e, []refEdge{{0, false}}) {
		t.Errorf("in loopback: %v", e)
	}
}

func TestReceiver(t *testing.T) {
	d := newDriver(t, small())
	d.program(1, 3, 0x41, 5) // trigger level 4
	key := func(b byte, flags uint8) op { return op{Op: opRX, Val: b, Flags: flags} }
	got := edgesOf(d.do(key('a', 0), key('b', 0), key('c', 0), key('d', 0), op{Op: opUntil, NS: 1 * ms}))
	if want := []refEdge{{347223, true}}; !slices.Equal(got, want) { // the fourth frame's end
		t.Errorf("trigger level 4: %v, want %v", got, want)
	}
	if v := d.read(1*ms, rIIR); v != 0xc4 {
		t.Errorf("IIR %#x", v)
	}
	if got := edgesOf(d.do(op{Op: opRead, Reg: rData, NS: 1 * ms})); !slices.Equal(got, []refEdge{{1 * ms, false}}) {
		t.Errorf("below the level: %v", got)
	}
	// Three are left, nobody reads: four character times later the time-out comes, and one read takes it away.
	got = edgesOf(d.do(op{Op: opUntil, NS: 2 * ms}))
	if want := []refEdge{{1*ms + 347223, true}}; !slices.Equal(got, want) {
		t.Errorf("time-out: %v, want %v", got, want)
	}
	if v := d.read(2*ms, rIIR); v != 0xcc {
		t.Errorf("IIR %#x", v)
	}
	for i, want := range []byte("bcd") {
		if v := d.read(2*ms, rData); v != want {
			t.Errorf("byte %d: %q", i, v)
		}
	}
	if v := d.read(2*ms, rLSR); v != 0x60 {
		t.Errorf("empty: LSR %#x", v)
	}
	// An error shows when its character is at the top, and bit 7 before.
	d.do(op{Op: opRX, Val: 'x', NS: 3 * ms}, op{Op: opRX, Flags: RXBreak, NS: 3 * ms}, op{Op: opUntil, NS: 4 * ms})
	for i, want := range []uint8{0xe1, 'x', 0xf9, 0x61, 0, 0x60} {
		reg := uint8(rLSR)
		if i == 1 || i == 4 {
			reg = rData
		}
		if v := d.read(4*ms, reg); v != want {
			t.Errorf("step %d: %#x, want %#x", i, v, want)
		}
	}
}

func TestReceiverOverrun(t *testing.T) {
	d := newDriver(t, small())
	d.program(1, 3, 1, 0)
	var ops []op
	for i := range 18 {
		ops = append(ops, op{Op: opRX, Val: 'a' + uint8(i)})
	}
	d.do(append(ops, op{Op: opUntil, NS: 10 * ms})...)
	if v := d.read(10*ms, rLSR); v != 0x63 {
		t.Errorf("LSR %#x", v)
	}
	if v := d.read(10*ms, rLSR); v != 0x61 {
		t.Errorf("LSR read again %#x", v)
	}
	var got []byte
	for range 16 {
		got = append(got, d.read(10*ms, rData))
	}
	if string(got) != "abcdefghijklmnop" {
		t.Errorf("got %q", got)
	}
	if n := d.page.Stats().RXOverrun; n != 2 {
		t.Errorf("%d overruns", n)
	}
}

// TestLoopback: what is sent comes back a frame later and never shows on the line; outputs appear as inputs.
func TestLoopback(t *testing.T) {
	d := newDriver(t, small())
	d.program(1, 3, 1, 0)
	d.write(0, rMCR, 0x1a) // as Linux probes: OUT2 and RTS
	if v := d.read(0, rMSR); v&0xf0 != 0x90 {
		t.Errorf("MSR %#x", v)
	}
	d.send(0, "hi")
	if v := d.read(86805, rLSR); v&1 != 0 {
		t.Errorf("too early: LSR %#x", v)
	}
	d.do(op{Op: opUntil, NS: 1 * ms})
	if a, b := d.read(1*ms, rData), d.read(1*ms, rData); a != 'h' || b != 'i' {
		t.Errorf("%q %q", a, b)
	}
	if recs := d.recs(); len(recs) != 0 {
		t.Errorf("on the line: %v", recs)
	}
}

// TestBreakSent: the line is low for as long as LCR.6 is set, and what the transmitter sends meanwhile is marked as unreadable.
func TestBreakSent(t *testing.T) {
	d := newDriver(t, small())
	d.program(1, 3, 1, 0)
	d.send(0, "a")
	d.do(op{Op: opUntil, NS: 1 * ms})
	d.write(1*ms, rLCR, 0x43)
	d.send(1*ms, "b")
	d.write(3*ms, rLCR, 3)
	d.send(3*ms, "c")
	d.do(op{Op: opUntil, NS: 10 * ms})
	recs := d.recs()
	want := []struct {
		b, flags byte
		dur      uint32
	}{{'a', 0, 86806}, {'b', Masked, 86806}, {0, Break, 2 * ms}, {'c', 0, 86806}}
	for i, w := range want {
		if i >= len(recs) || recs[i].Byte != w.b || recs[i].Flags != w.flags || recs[i].DurNS != w.dur {
			t.Fatalf("frame %d of %v, want %+v", i, recs, w)
		}
	}
}

// TestChangeInFlight: a divisor written in the middle of a frame speeds up or slows down what is left of it, and the frame says so.
func TestChangeInFlight(t *testing.T) {
	d := newDriver(t, small())
	d.program(2, 3, 1, 0)
	d.send(0, "a") // 173611 ns at 57600
	d.do(op{Op: opWrite, Reg: rLCR, Val: 0x83, NS: 86806}, op{Op: opWrite, Reg: rData, Val: 1, NS: 86806}, op{Op: opUntil, NS: 1 * s})
	recs := d.recs()
	if len(recs) != 1 || recs[0].Flags != Changed || recs[0].EndNS < 130207 || recs[0].EndNS > 130210 {
		t.Errorf("%+v", recs)
	}
}

// TestReset: what is inside is lost, the frame on the line ends early, and everything is accounted for.
func TestReset(t *testing.T) {
	d := newDriver(t, small())
	d.program(1, 3, 1, 2)
	d.send(0, "abc")
	d.do(op{Op: opReset, NS: 100 * us}, op{Op: opUntil, NS: 1 * s})
	recs := d.recs()
	if len(recs) != 2 || recs[0].Byte != 'a' || recs[1].Byte != 'b' || recs[1].Flags != Cut || recs[1].EndNS != 100*us {
		t.Errorf("%+v", recs)
	}
	for reg, want := range map[uint8]uint8{rIER: 0, rIIR: 1, rLCR: 0, rMCR: 0, rLSR: 0x60} {
		if v := d.read(1*s, reg); v != want {
			t.Errorf("register %d: %#x, want %#x", reg, v, want)
		}
	}
	st := d.page.Stats()
	if st.Cut != 2 || len(st.Void()) > 0 {
		t.Errorf("%+v, void %v", st.Counts, st.Void())
	}
	if e := d.events(); len(e) != 1 || e[0].Kind != Reset {
		t.Errorf("events %+v", e)
	}
}

func TestModemLines(t *testing.T) {
	d := newDriver(t, small())
	d.program(1, 3, 1, 8)
	if v := d.read(0, rMSR); v != CTS|DSR|DCD {
		t.Errorf("MSR %#x", v)
	}
	got := edgesOf(d.do(op{Op: opInputs, Val: CTS | DSR | DCD | RI, NS: 1 * ms}))
	if len(got) != 0 { // the leading edge of RI counts for nothing
		t.Errorf("RI up: %v", got)
	}
	got = edgesOf(d.do(op{Op: opInputs, Val: DSR | DCD, NS: 2 * ms}))
	if !slices.Equal(got, []refEdge{{2 * ms, true}}) {
		t.Errorf("RI and CTS down: %v", got)
	}
	if v := d.read(2*ms, rIIR); v != 0xc0 {
		t.Errorf("IIR %#x", v)
	}
	if v := d.read(2*ms, rMSR); v != DSR|DCD|5 {
		t.Errorf("MSR %#x", v)
	}
	if v := d.read(2*ms, rMSR); v != DSR|DCD {
		t.Errorf("MSR again %#x", v)
	}
}
