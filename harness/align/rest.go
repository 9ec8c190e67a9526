package align

import (
	"bytes"
	"slices"
)

// restLine explains a line of the wire that is no unit as a whole: it may
// hold several beginnings of records (torn ones without a line end, a record
// behind a user's prompt), notes, and strangers.
func (a *aligner) restLine(i int) {
	end := a.lines[i+1]
	a.findStarts(a.lines[i], end)
	torn := false // the stretch before was the beginning of something
	for p := a.lines[i]; p < end; {
		b := a.wire[p:end]
		if lineEnd(b) == len(b) {
			if torn {
				a.piece(p, end, Meta, -1, NoteNewline)
			}
			break
		}
		if k, whole := a.note(p, end); k > 0 {
			p, torn = p+k, !whole
			continue
		}
		if m := a.record(p, end, i); m.unit >= 0 {
			a.strange.flush(a)
			p, torn = a.place(p, m), m.kind == torn1
			continue
		}
		s := a.nextStart(p+1, end)
		a.strange.add(a, p, s)
		p, torn = s, false
	}
}

// findStarts lists where in the line a prefix or a note begins.
func (a *aligner) findStarts(from, to int64) {
	a.starts = a.starts[:0]
	lead := byte('[')
	if a.in.Opts.Syslog {
		lead = '<'
	}
	prefixed := a.in.Opts.Time || a.in.Opts.Caller || a.in.Opts.Syslog
	line := a.wire[from:to]
	for i, c := range line {
		if c == '*' {
			if m := parseMeta(line[i:]); m.whole {
				a.starts = append(a.starts, from+int64(i))
			}
		} else if c == lead && prefixed && prefixLen(line[i:], a.in.Opts) > 0 {
			a.starts = append(a.starts, from+int64(i))
		}
	}
}

// nextStart is the first start at or behind p, or end.
func (a *aligner) nextStart(p, end int64) int64 {
	i, _ := slices.BinarySearch(a.starts, p)
	if i < len(a.starts) {
		return a.starts[i]
	}
	return end
}

// note takes what the console code says on its own account, at p. A note that
// is torn itself counts only where nothing else follows it.
func (a *aligner) note(p, end int64) (n int64, whole bool) {
	b := a.wire[p:end]
	m := parseMeta(b)
	lead := 0
	if m.n == 0 {
		if lead = prefixLen(b, a.in.Opts); lead > 0 {
			if m = parseMeta(b[lead:]); !m.whole || a.isUnit(b) {
				return 0, false
			}
		}
	}
	n = int64(lead + m.n)
	rest := b[n:]
	switch {
	case m.n == 0, m.note == NoNote && len(rest) > 0:
		return 0, false
	case m.whole:
	case m.n > 3 && (len(rest) == 0 || lineEnd(rest) == len(rest) || a.nextStart(p+n, end) == p+n):
		m.count = 0
	default:
		return 0, false
	}
	a.piece(p, p+n, Meta, -1, m.note)
	if m.whole && m.note == NoteDropped {
		a.res.Dropped += m.count
		a.res.DroppedNotes++
	} else if m.whole {
		a.res.ReplayNotes++
	}
	return n, m.whole && lineEnd(b[max(n-2, 0):n]) > 0 || m.whole && n > 0 && b[n-1] == '\n'
}

// isUnit: b starts with a whole unit, so that its words are a record's.
func (a *aligner) isUnit(b []byte) bool {
	for _, u := range a.img.nearest(nil, b, nil) {
		if bytes.HasPrefix(b, a.img.units[u].raw) {
			return true
		}
	}
	return false
}

type matchKind uint8

const (
	none matchKind = iota
	short1
	torn1
	garbled1
	whole1
)

// match is how well a unit explains a stretch of the wire.
type match struct {
	unit int32
	kind matchKind
	head int   // bytes equal at the beginning
	tail int   // bytes equal at the end, of garbled ones
	end  int64 // offset behind the stretch, of garbled ones
	near int   // how well it fits its neighbours
}

func (m match) better(o match) bool {
	if (m.kind == whole1) != (o.kind == whole1) {
		return m.kind == whole1
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
	best := match{unit: -1}
	if len(a.img.units) == 0 {
		return best
	}
	next := a.nextUnit[line]
	b := a.wire[p:end]
	a.cands = a.img.nearest(a.cands[:0], b, a.wire[p:a.nextStart(p+1, end)])
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
		if m := a.judge(u, p, end, next); m.kind != none && (best.unit < 0 || m.better(best)) {
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
			m.kind = whole1
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
		m.kind = garbled1
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
		m.kind = torn1
	case full && a.expected(u, next) && (known || a.replayFollows(end)):
		// Too short to tell whose it is; but it is where this one should be.
		m.kind = torn1
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

// place puts a match down and returns the offset behind it.
func (a *aligner) place(p int64, m match) int64 {
	q := p + int64(m.head)
	if m.kind != garbled1 {
		a.hit(m.unit, p, q, m.head, true)
		return q
	}
	raw := a.img.units[m.unit].raw
	id := a.img.units[m.unit].rec
	tail := m.end - int64(m.tail)
	a.piece(p, q, FromRecord, id, NoNote)
	out := m.head + m.tail
	if lost := raw[m.head : len(raw)-m.tail]; len(lost) > 0 {
		out += a.middle(q, tail, lost, id)
	} else {
		a.piece(q, tail, Foreign, -1, NoNote)
	}
	a.piece(tail, m.end, FromRecord, id, NoNote)
	a.hit(m.unit, p, m.end, out, false)
	return m.end
}

// gram is the least number of bytes that are believed to be the same ones
// again inside a garbled line.
const gram = 6

// middle finds what is left of lost, in order, in the wire's bytes [q, end).
// It returns how many bytes that is.
func (a *aligner) middle(q, end int64, lost []byte, id int32) (out int) {
	b := a.wire[q:end]
	where := make(map[[gram]byte]int, len(lost))
	for i := len(lost) - gram; i >= 0; i-- {
		where[[gram]byte(lost[i:])] = i
	}
	low, stray := 0, 0
	for i := 0; i+gram <= len(b); {
		j, ok := where[[gram]byte(b[i:])]
		if !ok || j < low {
			i++
			continue
		}
		n := commonPrefix(b[i:], lost[j:])
		a.piece(q+int64(stray), q+int64(i), Unexplained, -1, NoNote)
		a.piece(q+int64(i), q+int64(i+n), FromRecord, id, NoNote)
		out += n
		low, stray, i = j+n, i+n, i+n
	}
	a.piece(q+int64(stray), end, Unexplained, -1, NoNote)
	return out
}
