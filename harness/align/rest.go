// SPDX-License-Identifier: Apache-2.0

package align

import (
	"bytes"
	"slices"
)

// restLine explains a line of the wire that is no unit as a whole: it may
// hold several beginnings of records (torn ones without a line end, a record
// after a user's prompt), notes, and strangers.
func (a *aligner) restLine(i int) {
	end := a.lines[i+1]
	a.findStarts(a.lines[i], end)
	torn := false // the stretch before was the beginning of something
	for p := a.lines[i]; p < end; {
		b := a.wire[p:end]
		if lineEnd(b) == len(b) {
			if torn || a.between(p, i) {
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
			p, torn = a.place(p, m), m.kind == tornMatch
			continue
		}
		s := a.nextStart(p+1, end)
		a.strange.add(a, p, s)
		p, torn = s, false
	}
}

// between: the empty line at p follows a record's line or a note directly, and
// line i+1 is a record's. Early atomic consoles (6.1 rt) close every line
// before they write, once they were interrupted in one.
func (a *aligner) between(p int64, i int) bool {
	k := len(a.pieces) - 1
	return k >= 0 && a.pieces[k].End == p && a.pieces[k].Kind != Foreign && i+1 < len(a.lineUnit) && a.lineUnit[i+1] >= 0
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

// nextStart is the first start at or after p, or end.
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
	for _, u := range a.img.nearest(nil, a.img.sort(&a.img.all, nil), b, nil) {
		if bytes.HasPrefix(b, a.img.units[u].raw) {
			return true
		}
	}
	return false
}

// place puts a match down and returns the offset after it.
func (a *aligner) place(p int64, m match) int64 {
	q := p + int64(m.head)
	if m.kind != garbledMatch {
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
