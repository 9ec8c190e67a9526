// SPDX-License-Identifier: Apache-2.0

package align

import "bytes"

type matchKind uint8

const (
	noMatch matchKind = iota
	tornMatch
	garbledMatch
	wholeMatch
)

// match is how well a unit explains a stretch of the wire.
type match struct {
	unit int32
	kind matchKind
	head int   // bytes equal at the beginning
	tail int   // bytes equal at the end, of garbled ones
	end  int64 // offset after the stretch, of garbled ones
	near int   // how well it fits its neighbours
}

func (m match) better(o match) bool {
	if (m.kind == wholeMatch) != (o.kind == wholeMatch) {
		return m.kind == wholeMatch
	}
	if x, y := m.head+m.tail, o.head+o.tail; x != y {
		return x > y
	}
	if m.near != o.near {
		return m.near > o.near
	}
	return m.unit < o.unit
}

// record finds the unit that explains the wire from p on best; unit is -1 when
// none does.
func (a *aligner) record(p, end int64, line int) match {
	if len(a.img.units) == 0 {
		return match{unit: -1}
	}
	// With times a line that begins like one record begins like no other, and what is there as a whole seldom has a piece elsewhere.
	if a.in.Opts.Time && len(a.missing().sorted) > 0 {
		if m := a.recordOf(a.missing(), p, end, line); m.unit >= 0 {
			return m
		}
	}
	return a.recordOf(a.img.sort(&a.img.all, nil), p, end, line)
}

// missing are the units that are nowhere on the wire as a whole line.
func (a *aligner) missing() *order {
	return a.img.sort(&a.img.few, func(u int32) bool { return !a.wholeOn[u] })
}

// recordOf is record among the units of an order and the neighbours of the line.
func (a *aligner) recordOf(o *order, p, end int64, line int) match {
	best := match{unit: -1}
	next := a.nextUnit[line]
	b := a.wire[p:end]
	a.cands = a.cands[:0]
	if tail := a.wire[p:a.nextStart(p+1, end)]; !a.in.Opts.Time || a.img.near(o, b, tail, prefixLen(b, a.in.Opts)) {
		a.cands = a.img.nearest(a.cands, o, b, tail)
	}
	for u := a.prev + 1; u <= a.prev+3; u++ {
		a.cands = append(a.cands, u)
	}
	if next >= 0 {
		first := a.img.first[a.img.units[next].rec]
		a.cands = append(a.cands, first, next-2, next-1)
		if a.prev >= 0 && a.img.units[a.prev].rec == a.img.units[next].rec {
			a.cands = append(a.cands, a.prev+1)
		}
	}
	for _, u := range a.cands {
		if u < 0 || int(u) >= len(a.img.units) {
			continue
		}
		if m := a.judge(u, p, end, next); m.kind != noMatch && (best.unit < 0 || m.better(best)) {
			best = m
		}
	}
	return best
}

// judge compares one unit with the wire at p.
func (a *aligner) judge(u int32, p, end int64, next int32) match {
	x := &a.img.units[u]
	b := a.wire[p:end]
	m := match{unit: u, head: commonPrefix(x.raw, b), near: a.nearness(u, next)}
	if m.head == len(x.raw) {
		if m.head > 2 { // an empty line: wholeLines has said no to it
			m.kind = wholeMatch
		}
		return m
	}
	q := p + int64(m.head)
	m.end = a.nextStart(max(q, p+1), end)
	rest := a.wire[q:max(m.end, q)]
	m.tail = commonSuffix(x.raw[m.head:], rest)
	eol := lineEndAt(x.raw)
	// A line that is whole elsewhere, or that is not printed at all, has no
	// garbled copy: this one is another record that begins and ends alike, as
	// the lines of a table do. Unless all of it is here, and a stranger inside.
	rare := a.wholeOn[u] || !a.visible[x.rec]
	both := m.head + m.tail
	if m.tail > eol && both >= max(8, len(x.raw)/2) && (m.tail-eol >= 4 || 4*both >= 3*len(x.raw)) && (!rare || both == len(x.raw)) {
		m.kind = garbledMatch
		return m
	}
	m.tail = 0
	if m.head == 0 {
		return m
	}
	full := q == m.end || lineEnd(rest) == len(rest)
	if rare && !full {
		return m
	}
	known := a.in.Opts.Time && x.prefix > 0
	content := m.head - int(x.prefix)
	switch {
	case known && content > 0 && (full || content >= 4),
		!known && (full && m.head >= max(8, int(x.prefix)+4) || content >= 16):
		m.kind = tornMatch
	case full && a.expected(u, next) && (known || a.replayFollows(end)):
		// Too short to tell whose it is; but it is where this one should be.
		m.kind = tornMatch
	}
	return m
}

// lineEndAt is the length of the line end of a unit.
func lineEndAt(raw []byte) int {
	if len(raw) > 1 && raw[len(raw)-2] == '\r' {
		return 2
	}
	return 1
}

// nearness prefers the record that follows on the wire (a replay), then the
// next one in the ring, then one that is not out yet.
func (a *aligner) nearness(u, next int32) int {
	switch {
	case next >= 0 && a.img.units[u].rec == a.img.units[next].rec:
		return 4
	case u == a.prev+1 && !a.claimed[u]:
		return 3
	case !a.claimed[u] && u > a.prev:
		return 2
	case !a.claimed[u]:
		return 1
	}
	return 0
}

func (a *aligner) expected(u, next int32) bool {
	return u == a.prev+1 && !a.claimed[u] || next >= 0 && a.img.units[u].rec == a.img.units[next].rec
}

func (a *aligner) replayFollows(end int64) bool {
	return bytes.HasPrefix(a.wire[end:], []byte(replayText))
}
