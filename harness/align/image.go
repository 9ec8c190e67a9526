// SPDX-License-Identifier: Apache-2.0

package align

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"

	"lastpage/capture/ring"
)

// unit is one line of what a console sends for a record, line end included.
// Units are numbered in the order of records and lines.
type unit struct {
	rec    int32 // index in Input.Records
	line   int32 // 0 is the first
	last   bool  // of its record
	prefix int32 // bytes of prefix
	raw    []byte
}

// images is what every record looks like on the wire.
type images struct {
	units []unit
	first []int32 // first unit of each record; -1 without text
	size  []int   // bytes of each record's image
	all   order   // of all units
	few   order   // of those that are nowhere on the wire as a whole line
}

// order is units by their bytes.
type order struct {
	made   bool
	sorted []int32 // by raw
	tails  []int32 // by raw read backwards
}

func newImages(in *Input) *images {
	recs, opts := in.Records, in.Opts
	var room []byte // of many images
	m := &images{units: make([]unit, 0, len(recs)), first: make([]int32, len(recs)), size: make([]int, len(recs))}
	for i := range recs {
		r := &recs[i]
		m.first[i] = -1
		if !hasText(r) {
			continue
		}
		m.first[i] = int32(len(m.units))
		if in.Formats != nil {
			opts = in.Formats[i]
		}
		if cap(room)-len(room) < len(r.Text)+64 {
			room = make([]byte, 0, max(arena, 2*len(r.Text)))
		}
		from := len(room)
		room = ring.AppendConsole(room, r, opts)
		img := room[from:len(room):len(room)]
		m.size[i] = len(img)
		n := int32(prefixLen(img, opts))
		for line := int32(0); len(img) > 0; line++ {
			end := bytes.IndexByte(img, '\n') + 1
			if end == 0 {
				end = len(img)
			}
			m.units = append(m.units, unit{rec: int32(i), line: line, last: end == len(img), prefix: min(n, int32(end)), raw: img[:end]})
			img = img[end:]
		}
		if m.size[i] == 0 {
			m.first[i] = -1
		}
	}
	return m
}

// arena is how much room for images is made at a time, bytes.
const arena = 64 << 10

// hasText: the ring knows all bytes that the console would send.
func hasText(r *ring.Record) bool {
	return r.State.Stored() && (r.Data == ring.DataText && !r.Truncated() || r.Data == ring.DataEmpty)
}

// sort makes an order of the units that are wanted; nil: of all.
func (m *images) sort(o *order, wanted func(u int32) bool) *order {
	if o.made {
		return o
	}
	o.made = true
	for u := range int32(len(m.units)) {
		if wanted == nil || wanted(u) {
			o.sorted = append(o.sorted, u)
		}
	}
	o.tails = slices.Clone(o.sorted)
	slices.SortFunc(o.sorted, func(a, b int32) int {
		if c := bytes.Compare(m.units[a].raw, m.units[b].raw); c != 0 {
			return c
		}
		return int(a - b)
	})
	slices.SortFunc(o.tails, func(a, b int32) int {
		if c := compareBack(m.units[a].raw, m.units[b].raw); c != 0 {
			return c
		}
		return int(a - b)
	})
	return o
}

// around is how many neighbours on each side of the place of b in sorted
// order are looked at; those with the longest common prefix are next to it.
const around = 6

// nearest appends the units of an order whose beginnings are most like head,
// and those whose ends are most like tail.
func (m *images) nearest(dst []int32, o *order, head, tail []byte) []int32 {
	at, _ := slices.BinarySearchFunc(o.sorted, head, func(u int32, b []byte) int { return bytes.Compare(m.units[u].raw, b) })
	dst = append(dst, window(o.sorted, at)...)
	if len(tail) == 0 {
		return dst
	}
	at, _ = slices.BinarySearchFunc(o.tails, tail, func(u int32, b []byte) int { return compareBack(m.units[u].raw, b) })
	return append(dst, window(o.tails, at)...)
}

// near says whether any unit of an order can explain a line that begins with a
// prefix of so many bytes: one has its time and more, or is its like by half,
// the end counted. Only the next ones on each side are asked: no other shares
// more.
func (m *images) near(o *order, head, tail []byte, prefix int) bool {
	if prefix == 0 {
		return true
	}
	at, _ := slices.BinarySearchFunc(o.sorted, head, func(u int32, b []byte) int { return bytes.Compare(m.units[u].raw, b) })
	for _, u := range o.sorted[max(at-1, 0):min(at+1, len(o.sorted))] {
		if commonPrefix(m.units[u].raw, head) > prefix {
			return true
		}
	}
	at, _ = slices.BinarySearchFunc(o.tails, tail, func(u int32, b []byte) int { return compareBack(m.units[u].raw, b) })
	for _, u := range o.tails[max(at-1, 0):min(at+1, len(o.tails))] {
		raw := m.units[u].raw
		if both := commonPrefix(raw, head) + commonSuffix(raw, tail); both >= 8 && 2*both >= len(raw) {
			return true
		}
	}
	return false
}

func window(s []int32, at int) []int32 { return s[max(at-around, 0):min(at+around, len(s))] }

// compareBack compares two strings read from their ends.
func compareBack(a, b []byte) int {
	n := commonSuffix(a, b)
	if n == len(a) || n == len(b) {
		return len(a) - len(b)
	}
	return int(a[len(a)-1-n]) - int(b[len(b)-1-n])
}

// commonPrefix and commonSuffix count equal bytes, eight at a time.
func commonPrefix(a, b []byte) int {
	n, i := min(len(a), len(b)), 0
	for ; i+8 <= n; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for ; i < n && a[i] == b[i]; i++ {
	}
	return i
}

func commonSuffix(a, b []byte) int {
	n, i := min(len(a), len(b)), 0
	for ; i+8 <= n; i += 8 {
		if x := binary.LittleEndian.Uint64(a[len(a)-i-8:]) ^ binary.LittleEndian.Uint64(b[len(b)-i-8:]); x != 0 {
			return i + bits.LeadingZeros64(x)/8
		}
	}
	for ; i < n && a[len(a)-1-i] == b[len(b)-1-i]; i++ {
	}
	return i
}
