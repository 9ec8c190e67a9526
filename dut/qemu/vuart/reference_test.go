// SPDX-License-Identifier: Apache-2.0

package vuart

import "math"

// reference is a second, plain model of the chip to compare the C one with: written from the data sheet, eager where the other is lazy (it
// stops at every instant at which anything can happen), and made of slices where the other has rings. Times in 1/9 ns.
type reference struct {
	now                     int64
	base, divisor           int64
	ier, fcr, lcr, mcr, scr uint8
	inputs, deltas          uint8

	waiting []byte // THR or transmit FIFO
	shift   *refFrame
	two     bool  // two bytes were waiting at once since the transmitter last ran empty
	thrAt   int64 // when the THRE interrupt becomes pending; never if it is not due
	brkFrom int64 // when the line was last pulled low

	line     []refItem // still to come from outside
	incoming *refItem
	freeAt   int64
	rx       []refItem
	overrun  bool
	late     bool
	touched  int64
	lastRBR  byte

	level  bool
	edges  []refEdge
	frames []refFrame
}

type refFrame struct {
	start, end       int64
	b, flags, format byte
	loop             bool
}

type refItem struct {
	at, end, brk int64
	b, flags     byte
}

type refEdge struct {
	ns    int64
	level bool
}

const never = math.MaxInt64

func newReference(base int64) *reference {
	return &reference{base: base, divisor: 12, inputs: CTS | DSR | DCD, thrAt: never}
}

func (r *reference) fifo() bool { return r.fcr&1 != 0 }
func (r *reference) loop() bool { return r.mcr&0x10 != 0 }
func (r *reference) brk() bool  { return r.lcr&0x40 != 0 }

// halves is the time of n half bits, to the nearest unit.
func (r *reference) halves(n int64) int64 {
	d := r.divisor
	if d == 0 {
		d = 65536
	}
	return (2*n*4_500_000_000*d + r.base) / (2 * r.base)
}

func (r *reference) frameTime() int64 {
	n := int64(2) // start
	n += 2 * int64(5+r.lcr&3)
	if r.lcr&8 != 0 {
		n += 2
	}
	switch {
	case r.lcr&4 == 0:
		n += 2
	case r.lcr&3 == 0:
		n += 3
	default:
		n += 4
	}
	return r.halves(n)
}

func (r *reference) mask() byte { return byte(1<<(5+r.lcr&3) - 1) }

func (r *reference) room() int {
	if r.fifo() {
		return 16
	}
	return 1
}

// ---- time ----

// instants are all moments from now on at which the chip does something by itself.
func (r *reference) next() int64 {
	first := int64(never)
	add := func(t int64) { first = min(first, max(t, r.now)) }
	if r.shift != nil {
		add(r.shift.end)
	}
	if r.incoming != nil {
		add(r.incoming.end)
	} else if len(r.line) > 0 {
		add(max(r.line[0].at, r.freeAt))
	}
	if r.thrAt != never && r.thrAt > r.now {
		add(r.thrAt)
	}
	if r.fifo() && len(r.rx) > 0 && !r.late {
		add(r.touched + 4*r.frameTime())
	}
	return first
}

func (r *reference) happen(t int64) {
	r.now = t
	if r.fifo() && len(r.rx) > 0 && t >= r.touched+4*r.frameTime() {
		r.late = true
	}
	if f := r.shift; f != nil && t >= f.end {
		r.shift = nil
		if f.loop {
			var flags byte
			if f.flags&Changed != 0 {
				flags = RXFraming
			}
			r.received(f.b&r.mask(), flags)
		} else {
			r.frames = append(r.frames, *f)
		}
		r.load()
		return
	}
	if i := r.incoming; i != nil && t >= i.end {
		r.incoming = nil
		if !r.loop() {
			r.received(i.b, i.flags)
		}
		return
	}
	if r.incoming == nil && len(r.line) > 0 && t >= max(r.line[0].at, r.freeAt) {
		i := r.line[0]
		r.line = r.line[1:]
		if i.flags&RXBreak != 0 {
			i.b, i.flags = 0, RXBreak|RXFraming
		}
		i.b &= r.mask()
		i.flags &= RXBreak | RXFraming | RXParity
		i.end = t + r.frameTime()
		r.freeAt = i.end
		if i.flags&RXBreak != 0 {
			r.freeAt = max(i.end, t+i.brk)
		}
		r.incoming = &i
	}
}

// until lets time pass to the given ns, noting edges of the interrupt line at whole ns.
func (r *reference) until(ns int64) {
	for {
		t := r.next()
		if t == never || t > ns*9 {
			break
		}
		whole := (t + 8) / 9
		for r.next() <= whole*9 {
			r.happen(r.next())
		}
		r.now = whole * 9
		r.look()
	}
	r.now = max(r.now, ns*9)
	r.look()
}

func (r *reference) look() {
	if l := r.mcr&0x18 == 0x08 && r.cause() != 1; l != r.level {
		r.level = l
		r.edges = append(r.edges, refEdge{r.now / 9, l})
	}
}

// ---- transmitter ----

func (r *reference) load() {
	if len(r.waiting) == 0 || r.shift != nil {
		return
	}
	f := refFrame{start: r.now, end: r.now + r.frameTime(), b: r.waiting[0] & r.mask(), format: r.lcr & 0x3f, loop: r.loop()}
	if r.brk() {
		f.flags = Masked
	}
	r.shift = &f
	r.waiting = r.waiting[1:]
	if len(r.waiting) > 0 {
		return
	}
	r.thrAt = r.now
	if r.fifo() && !r.two {
		r.thrAt = f.end - r.halves(2)
	}
	r.two = false
}

func (r *reference) transmit(b byte) {
	r.thrAt = never
	if len(r.waiting) == r.room() {
		if !r.fifo() {
			r.waiting[0] = b
		}
		return
	}
	r.waiting = append(r.waiting, b)
	r.two = r.two || len(r.waiting) > 1
	r.load()
}

func (r *reference) mark(flag byte) {
	if r.shift != nil {
		r.shift.flags |= flag
	}
}

func (r *reference) endBreak() {
	if !r.loop() {
		r.frames = append(r.frames, refFrame{start: r.brkFrom, end: r.now, flags: Break, format: r.lcr & 0x3f})
	}
}

// ---- receiver ----

func (r *reference) received(b, flags byte) {
	if len(r.rx) == r.room() {
		r.overrun = true
		if !r.fifo() {
			r.rx[0] = refItem{b: b, flags: flags}
		}
		return
	}
	r.rx = append(r.rx, refItem{b: b, flags: flags})
	r.touched = r.now
}

// ---- interrupts and registers ----

func (r *reference) cause() uint8 {
	level := 1
	if r.fifo() {
		level = []int{1, 4, 8, 14}[r.fcr>>6]
	}
	switch {
	case r.ier&4 != 0 && (r.overrun || len(r.rx) > 0 && r.rx[0].flags != 0):
		return 6
	case r.ier&1 != 0 && len(r.rx) >= level:
		return 4
	case r.ier&1 != 0 && len(r.rx) > 0 && r.late:
		return 12
	case r.ier&2 != 0 && r.now >= r.thrAt:
		return 2
	case r.ier&8 != 0 && r.deltas != 0:
		return 0
	}
	return 1
}

func (r *reference) modem() uint8 {
	if !r.loop() {
		return r.inputs
	}
	var v uint8
	for i, bit := range []uint8{DSR, CTS, RI, DCD} { // DTR, RTS, OUT1, OUT2
		if r.mcr>>i&1 != 0 {
			v |= bit
		}
	}
	return v
}

func (r *reference) modemAfter(before uint8) {
	after := r.modem()
	for i, bit := range []uint8{CTS, DSR, RI, DCD} {
		if before&bit != after&bit && (bit != RI || after&bit == 0) {
			r.deltas |= 1 << i
		}
	}
}

func (r *reference) read(reg uint8) (v uint8) {
	defer r.look()
	dlab := r.lcr&0x80 != 0
	switch {
	case dlab && reg == rData:
		return uint8(r.divisor)
	case dlab && reg == rIER:
		return uint8(r.divisor >> 8)
	}
	switch reg {
	case rData:
		if len(r.rx) > 0 {
			r.lastRBR = r.rx[0].b
			r.rx = r.rx[1:]
			r.late = false
			r.touched = r.now
		}
		return r.lastRBR
	case rIER:
		return r.ier
	case rIIR:
		v = r.cause()
		if v == 2 {
			r.thrAt = never
		}
		if r.fifo() {
			v |= 0xc0
		}
	case rLCR:
		return r.lcr
	case rMCR:
		return r.mcr
	case rLSR:
		v = r.lsr()
		r.overrun = false
		if len(r.rx) > 0 {
			r.rx[0].flags = 0
		}
	case rMSR:
		v = r.modem() | r.deltas
		r.deltas = 0
	case rSCR:
		return r.scr
	}
	return v
}

func (r *reference) lsr() (v uint8) {
	set := func(on bool, bit uint8) {
		if on {
			v |= bit
		}
	}
	set(len(r.rx) > 0, 1)
	set(r.overrun, 2)
	if len(r.rx) > 0 {
		v |= r.rx[0].flags
	}
	set(len(r.waiting) == 0, 0x20)
	set(len(r.waiting) == 0 && r.shift == nil, 0x40)
	for _, c := range r.rx {
		set(r.fifo() && c.flags != 0, 0x80)
	}
	return v
}

func (r *reference) setDivisor(d int64) {
	old, now := r.divisor, d
	if old == 0 {
		old = 65536
	}
	if now == 0 {
		now = 65536
	}
	if d == r.divisor {
		return
	}
	r.divisor = d
	if f := r.shift; f != nil {
		f.flags |= Changed
		f.end = r.now + scale(f.end-r.now, now, old)
		if r.thrAt != never && r.thrAt > r.now {
			r.thrAt = max(r.now, f.end-r.halves(2))
		}
	}
}

// scale is a*b/c without overflow: a is below 2^53, b and c are below 2^17.
func scale(a, b, c int64) int64 { return a/c*b + a%c*b/c }

func (r *reference) write(reg, v uint8) {
	defer r.look()
	dlab := r.lcr&0x80 != 0
	switch {
	case reg == rData && dlab:
		r.setDivisor(r.divisor&0xff00 | int64(v))
	case reg == rIER && dlab:
		r.setDivisor(r.divisor&0xff | int64(v)<<8)
	case reg == rData:
		r.transmit(v)
	case reg == rIER:
		if v&2 != 0 && r.ier&2 == 0 && len(r.waiting) == 0 && r.thrAt == never {
			r.thrAt = r.now
		}
		r.ier = v & 15
	case reg == rIIR:
		change := v&1 != r.fcr&1
		if change || v&3 == 3 {
			r.rx, r.late = nil, false
		}
		if change || v&5 == 5 {
			if len(r.waiting) > 0 {
				r.thrAt = r.now
			}
			r.waiting, r.two = nil, false
		}
		r.fcr = 0
		if v&1 != 0 {
			r.fcr = v & 0xc9
		}
		if change && r.thrAt != never {
			r.thrAt = min(r.thrAt, r.now)
		}
	case reg == rLCR:
		if (v^r.lcr)&0x3f != 0 {
			r.mark(Changed)
		}
		was := r.brk()
		r.lcr = v
		if was != r.brk() {
			r.mark(Masked)
			if was {
				r.endBreak()
			} else {
				r.brkFrom = r.now
			}
		}
	case reg == rMCR:
		before := r.modem()
		if (v^r.mcr)&0x10 != 0 {
			r.mark(Changed)
			if r.brk() && v&0x10 != 0 {
				r.endBreak()
			}
			r.brkFrom = r.now
		}
		r.mcr = v & 0x1f
		r.modemAfter(before)
	case reg == rSCR:
		r.scr = v
	}
}

func (r *reference) reset() {
	defer r.look()
	if r.brk() {
		r.mark(Masked)
		r.endBreak()
	}
	if f := r.shift; f != nil && !f.loop {
		f.flags |= Cut
		f.end = r.now
		r.frames = append(r.frames, *f)
	}
	r.shift, r.incoming, r.waiting, r.rx = nil, nil, nil, nil
	r.ier, r.fcr, r.lcr, r.mcr, r.deltas = 0, 0, 0, 0, 0
	r.overrun, r.late, r.two = false, false, false
	r.thrAt = never
}

func (r *reference) setInputs(v uint8) {
	defer r.look()
	before := r.modem()
	r.inputs = v & 0xf0
	r.modemAfter(before)
}
