// SPDX-License-Identifier: Apache-2.0

package align

import "bytes"

// Least evidence for a seam where the neighbours do not vouch for it: bytes of
// a beginning after its prefix, and of an end without its line end.
const (
	seamHead = 4
	seamTail = 8
)

// seam finds out whether line i, which is no unit as a whole, was made outside
// the kernel. A kernel can tear a line, and begin another one there. It never
// sends the end of a line without its beginning, it leaves no bytes out inside
// one, and it changes none.
func (a *aligner) seam(i int) {
	from, line := a.lines[i], a.wire[a.lines[i]:a.lines[i+1]]
	n, eol := len(line), 0
	if n > 0 && line[n-1] == '\n' {
		eol = lineEndAt(line)
	}
	if eol == 0 || n == eol || len(a.img.units) == 0 {
		return
	}
	next := a.nextUnit[i]
	units := a.missing()
	if !a.in.Opts.Time {
		units = a.img.sort(&a.img.all, nil)
	}
	cands := a.img.nearest(nil, units, line, line)
	var a0, b0 int32 = -1, -1 // what the neighbours expect
	for u := a.prev + 1; u < int32(len(a.img.units)) && a0 < 0; u++ {
		if a.visible[a.img.units[u].rec] {
			a0 = u
		}
	}
	for u := next - 1; u >= 0 && b0 < 0; u-- {
		if a.visible[a.img.units[u].rec] {
			b0 = u
		}
	}
	cands = append([]int32{a0, b0}, cands...) // where several do as well, these
	best := a.bestHead(line, cands)
	tail, t := a.bestTail(line, cands)
	for _, pair := range [...]struct{ head, tail int32 }{{a0, b0}, {best, b0}, {a0, tail}, {best, tail}} {
		if pair.tail < 0 {
			continue
		}
		k := commonSuffix(a.img.units[pair.tail].raw, line)
		if k <= eol || k == len(a.img.units[pair.tail].raw) || t == 0 {
			continue
		}
		if k == n { // an end without a beginning
			if pair.tail == b0 || n-eol >= seamTail || i == 0 {
				a.res.Seams = append(a.res.Seams, Seam{At: from, Before: -1, After: int(a.img.units[pair.tail].rec)})
				return
			}
			continue
		}
		if pair.head < 0 {
			continue
		}
		x := &a.img.units[pair.head]
		h := commonPrefix(x.raw, line)
		sure := pair.head == a0 && h > 0 || h-int(x.prefix) >= seamHead
		if h+k < n || h >= n-eol || !sure || pair.tail != b0 && n-h-eol < seamTail || pair.head == pair.tail && a.wholeOn[pair.head] {
			continue
		}
		a.res.Seams = append(a.res.Seams, Seam{At: from + int64(n-k), Before: int(x.rec), After: int(a.img.units[pair.tail].rec)})
		return
	}
	if u := a.endOf(line, eol, cands); u >= 0 {
		a.res.Seams = append(a.res.Seams, Seam{At: from + int64(n-commonSuffix(a.img.units[u].raw, line)), Before: -1, After: int(a.img.units[u].rec)})
		return
	}
	if u := a.damaged(line, cands); u >= 0 {
		rec := int(a.img.units[u].rec)
		a.res.Seams = append(a.res.Seams, Seam{At: from + int64(commonPrefix(a.img.units[u].raw, line)), Before: rec, After: rec})
	}
}

// endOf is the unit of which at least half ends a line that begins with
// something else than a record; -1 if there is none. All of a unit may follow
// what user space had begun, an end without its beginning may not.
func (a *aligner) endOf(line []byte, eol int, cands []int32) int32 {
	if prefixLen(line, a.in.Opts) > 0 {
		return -1
	}
	best, most := int32(-1), 0
	for _, u := range cands {
		if u < 0 {
			continue
		}
		raw := a.img.units[u].raw
		switch k := commonSuffix(raw, line); {
		case k == len(raw):
			return -1
		case k-eol >= seamTail && 2*k >= len(raw) && k > most:
			best, most = u, k
		}
	}
	return best
}

// bestHead is the unit that shares the longest beginning with the line.
func (a *aligner) bestHead(line []byte, cands []int32) int32 {
	best, n := int32(-1), 0
	for _, u := range cands {
		if u < 0 {
			continue
		}
		if k := commonPrefix(a.img.units[u].raw, line); k > n {
			best, n = u, k
		}
	}
	return best
}

// bestTail is the unit that shares the longest end with the line. Where a unit
// is there as a whole there is none: then something was torn in front of it.
func (a *aligner) bestTail(line []byte, cands []int32) (best int32, n int) {
	best = -1
	for _, u := range cands {
		if u < 0 {
			continue
		}
		k := commonSuffix(a.img.units[u].raw, line)
		if k == len(a.img.units[u].raw) {
			if !a.endOnly(u, line) {
				return -1, 0
			}
			continue
		}
		if k > n {
			best, n = u, k
		}
	}
	return best, n
}

// endOnly: unit u, which ends the line, is so short that it says nothing.
func (a *aligner) endOnly(u int32, line []byte) bool {
	x := &a.img.units[u]
	return int(x.prefix) == 0 && len(x.raw) < seamTail+2 && len(x.raw) < len(line)
}

// damaged is the unit of which the line is a copy of the same length with some
// bytes changed, or the unit whose line end alone is not what it was; -1 if
// there is none. A line that is on the wire elsewhere needs no such copy.
func (a *aligner) damaged(line []byte, cands []int32) int32 {
	best, least := int32(-1), len(line)
	for _, u := range cands {
		if u < 0 || a.wholeOn[u] {
			continue
		}
		raw := a.img.units[u].raw
		if len(raw) == len(line) && len(raw) >= seamTail {
			if n := changed(raw, line); n*8 <= len(raw) && n < least {
				best, least = u, n
			}
		}
		// The last byte of the line end was changed, and the next line follows.
		if k := len(raw); k < len(line) && bytes.Equal(raw[:k-1], line[:k-1]) && a.isUnit(line[k:]) {
			return u
		}
	}
	return best
}

// changed counts the places at which two strings of one length differ.
func changed(x, y []byte) (n int) {
	for i := range x {
		if x[i] != y[i] {
			n++
		}
	}
	return n
}
