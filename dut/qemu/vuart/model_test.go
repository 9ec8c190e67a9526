// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// play turns fuzz input into operations: what, register or flags, value, and how much time passes before.
func play(data []byte) []op {
	var ops []op
	var now int64
	if len(data) >= 4 && data[0]%2 == 1 { // as a driver would begin: otherwise hardly anything ever gets anywhere
		fcr := []uint8{0, 0x01, 0x41, 0x81, 0xc1}[data[1]%5]
		for _, w := range [][2]uint8{{rLCR, 0x80 | data[2]&0x1f}, {rData, 1 + data[3]&3}, {rIER, 0}, {rLCR, data[2] & 0x1f}, {rIIR, fcr},
			{rMCR, 0x0b | data[3]>>3&0x10}, {rIER, data[1] >> 4}} {
			ops = append(ops, op{Op: opWrite, Reg: w[0], Val: w[1]})
		}
	}
	for ; len(data) >= 4 && len(ops) < 4000; data = data[4:] {
		kind, reg, val, dt := data[0]%24, data[1], data[2], data[3]
		now += int64(dt&0x1f) << (dt >> 5 * 3) * 500
		o := op{NS: now, Reg: reg % 8, Val: val}
		switch {
		case kind < 7:
			o.Op = opRead
		case kind < 11: // what drivers do most
			o.Op, o.Reg = opWrite, rData
		case kind < 17:
			o.Op = opWrite
		case kind < 20:
			o.Op, o.Flags = opRX, reg&(RXBreak|RXFraming|RXParity)
			o.Arg = uint32(val) * 100_000
		case kind < 21:
			o.Op = opInputs
		case kind < 22:
			o.Op = opReattach
		case kind < 23:
			o.Op = opUntil
		case reg > 200:
			o.Op = opReset
		default:
			o.Op = opUntil
		}
		ops = append(ops, o)
	}
	// The last access brings the lazy model up to date.
	return append(ops, op{Op: opRead, Reg: rLSR, NS: now + 60_000_000_000})
}

// compare plays the operations to the C model and to the reference, and returns the first difference.
func compare(d *driver, base int64, ops []op) error {
	d.do(op{Op: opInit}, op{Op: opRun, Val: 1})
	got := d.do(ops...)
	r := newReference(base)
	var edges []refEdge
	for i, o := range ops {
		r.until(o.NS)
		switch o.Op {
		case opRead:
			want := r.read(o.Reg)
			for len(got) > 0 && got[0].What == gotIRQ {
				edges = append(edges, refEdge{got[0].NS, got[0].Val != 0})
				got = got[1:]
			}
			if len(got) == 0 || got[0].What != gotValue || got[0].Val != want {
				return fmt.Errorf("op %d %+v: the model says %+v, the reference %#02x", i, o, got[:min(1, len(got))], want)
			}
			got = got[1:]
		case opWrite:
			r.write(o.Reg, o.Val)
		case opRX:
			r.line = append(r.line, refItem{at: r.now, brk: int64(o.Arg) * 9, b: o.Val, flags: o.Flags})
			r.until(o.NS)
		case opInputs:
			r.setInputs(o.Val)
		case opReset:
			r.reset()
			r.until(o.NS)
		}
	}
	for _, g := range got {
		edges = append(edges, refEdge{g.NS, g.Val != 0})
	}
	if e := cleaned(edges); !slices.Equal(e, r.edges) {
		return fmt.Errorf("interrupt edges: the model has %v, the reference %v", e, r.edges)
	}
	return sameFrames(d.recs(), r.frames)
}

// cleaned drops levels that are no change: on a resume the level is put out again.
func cleaned(edges []refEdge) []refEdge {
	var out []refEdge
	level := false
	for _, e := range edges {
		if e.level != level {
			out = append(out, e)
		}
		level = e.level
	}
	return out
}

func sameFrames(recs []Rec, frames []refFrame) error {
	for i, f := range frames {
		if i >= len(recs) {
			return fmt.Errorf("%d frames on the line, the reference has %d", len(recs), len(frames))
		}
		dur := (f.end - f.start + 4) / 9
		want := Rec{EndNS: f.end / 9, DurNS: uint32(min(dur, 1<<32-1)), Byte: f.b, Flags: f.flags, LCR: f.format, Ninths: uint8(f.end % 9)}
		if recs[i] != want {
			return fmt.Errorf("frame %d: the model has %+v, the reference %+v", i, recs[i], want)
		}
	}
	if len(recs) != len(frames) {
		return fmt.Errorf("%d frames on the line, the reference has %d", len(recs), len(frames))
	}
	return nil
}

// program is random input for play.
func program(seed1, seed2 uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed1, seed2))
	data := make([]byte, 4*n)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	return data
}

func FuzzModel(f *testing.F) {
	d := newDriver(f, small())
	for seed := range uint64(4) {
		f.Add(program(seed, 0, 40))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d.t = t
		if err := compare(d, 115200, play(data)); err != nil {
			t.Fatal(err)
		}
	})
}

// TestAgainstReference plays long random programs, at several rates of the line.
func TestAgainstReference(t *testing.T) {
	for _, base := range []int64{115200, 921600, 3000000, 1} {
		c := small()
		c.Base = uint32(base)
		d := newDriver(t, c)
		for seed := range uint64(300) {
			if err := compare(d, base, play(program(seed, uint64(base), 600))); err != nil {
				t.Fatalf("base %d, seed %d: %v", base, seed, err)
			}
		}
	}
}
