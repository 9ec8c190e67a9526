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
	cands := a.img.nearest(nil, line, line)
	var a0, b0 int32 = -1, -1 // what the neighbours expect
	if a.prev+1 < int32(len(a.img.units)) {
		a0 = a.prev + 1
	}
	if next > 0 {
		b0 = next - 1
	}
	cands = append(cands, a0, b0)
	if u := a.damaged(line, cands); u >= 0 {
		rec := int(a.img.units[u].rec)
		a.res.Seams = append(a.res.Seams, Seam{At: from + int64(commonPrefix(a.img.units[u].raw, line)), Before: rec, After: rec})
		return
	}
	head, h := a.bestHead(line, cands, a0)
	tail, t := a.bestTail(line, cands, b0)
	if tail < 0 || t <= eol || h+t < n || h >= n-eol {
		return
	}
	s := Seam{At: from + int64(n-t), Before: -1, After: int(a.img.units[tail].rec)}
	if t < n {
		if head < 0 {
			return
		}
		s.Before = int(a.img.units[head].rec)
		if head == tail && a.wholeOn[head] {
			return // another record, that begins and ends alike
		}
		sure := head == a0 && h > 0 || h-int(a.img.units[head].prefix) >= seamHead
		if !sure || tail != b0 && n-h-eol < seamTail {
			return
		}
	} else if tail != b0 && n-eol < seamTail && i > 0 {
		return
	}
	a.res.Seams = append(a.res.Seams, s)
}

// bestHead is the unit that shares the longest beginning with the line, the
// wanted one if it does as well. It is never all of a unit.
func (a *aligner) bestHead(line []byte, cands []int32, want int32) (best int32, n int) {
	best = -1
	for _, u := range cands {
		if u < 0 {
			continue
		}
		if k := commonPrefix(a.img.units[u].raw, line); k > n || k == n && k > 0 && u == want {
			best, n = u, k
		}
	}
	return best, n
}

// bestTail is the unit that shares the longest end with the line. A unit that
// is there as a whole is none: then something was torn in front of it.
func (a *aligner) bestTail(line []byte, cands []int32, want int32) (best int32, n int) {
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
		if k > n || k == n && u == want {
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
	for _, u := range cands {
		if u < 0 || a.wholeOn[u] {
			continue
		}
		raw := a.img.units[u].raw
		if len(raw) == len(line) && len(raw) >= seamTail && changed(raw, line)*8 <= len(raw) {
			return u
		}
		// The last byte of the line end was changed, and the next line follows.
		if k := len(raw); k < len(line) && bytes.Equal(raw[:k-1], line[:k-1]) && a.isUnit(line[k:]) {
			return u
		}
	}
	return -1
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
