// SPDX-License-Identifier: Apache-2.0

package align

import (
	"bytes"
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
	units  []unit
	first  []int32 // first unit of each record; -1 without text
	size   []int   // bytes of each record's image
	sorted []int32 // units by raw
	tails  []int32 // units by raw read backwards
}

func newImages(in *Input) *images {
	recs, opts := in.Records, in.Opts
	m := &images{first: make([]int32, len(recs)), size: make([]int, len(recs))}
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
		img := ring.ConsoleText(r, opts)
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

// hasText: the ring knows all bytes that the console would send.
func hasText(r *ring.Record) bool {
	return r.State.Stored() && (r.Data == ring.DataText && !r.Truncated() || r.Data == ring.DataEmpty)
}

// index sorts the units, for nearest.
func (m *images) index() {
	if m.sorted != nil || len(m.units) == 0 {
		return
	}
	m.sorted = make([]int32, len(m.units))
	for i := range m.sorted {
		m.sorted[i] = int32(i)
	}
	m.tails = slices.Clone(m.sorted)
	slices.SortFunc(m.sorted, func(a, b int32) int {
		if c := bytes.Compare(m.units[a].raw, m.units[b].raw); c != 0 {
			return c
		}
		return int(a - b)
	})
	slices.SortFunc(m.tails, func(a, b int32) int {
		if c := compareBack(m.units[a].raw, m.units[b].raw); c != 0 {
			return c
		}
		return int(a - b)
	})
}

// around is how many neighbours on each side of the place of b in sorted
// order are looked at; those with the longest common prefix are next to it.
const around = 6

// nearest appends the units whose beginnings are most like head, and those
// whose ends are most like tail.
func (m *images) nearest(dst []int32, head, tail []byte) []int32 {
	m.index()
	at, _ := slices.BinarySearchFunc(m.sorted, head, func(u int32, b []byte) int { return bytes.Compare(m.units[u].raw, b) })
	dst = append(dst, window(m.sorted, at)...)
	if len(tail) == 0 {
		return dst
	}
	at, _ = slices.BinarySearchFunc(m.tails, tail, func(u int32, b []byte) int { return compareBack(m.units[u].raw, b) })
	return append(dst, window(m.tails, at)...)
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

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := 0; i < n; i++ {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func commonSuffix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := 0; i < n; i++ {
		if a[len(a)-1-i] != b[len(b)-1-i] {
			return i
		}
	}
	return n
}
