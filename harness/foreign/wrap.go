// SPDX-License-Identifier: Apache-2.0

package foreign

import (
	"bytes"

	"lastpage/harness/align"
)

// leastColumn is the narrowest terminal that is believed to have wrapped lines.
const leastColumn = 40

// unwrap joins lines that a terminal of some width cut: no line is longer than that, many have exactly that length, and what follows them
// begins like no kernel's line.
func (x *Exam) unwrap(known map[string]bool) {
	widths := map[int]int{}
	column := 0
	for i := range x.lines {
		n := len(x.lines[i].text)
		widths[n]++
		column = max(column, n)
	}
	if column < leastColumn || widths[column] < 3 {
		return
	}
	joined, vouched := []line(nil), 0
	cut := 0
	for i := 0; i < len(x.lines); i++ {
		l := x.lines[i]
		for len(x.lines[i].text) == column && i+1 < len(x.lines) && !whole(l.text, known) && !prefixAt(x.lines[i+1].text) {
			i++
			l.text = append(bytes.Clone(l.text), x.lines[i].text...)
			l.end, l.ended = x.lines[i].end, x.lines[i].ended
			cut++
		}
		if len(l.text) > column && (whole(l.text, known) || len(known) == 0) {
			vouched++
		}
		joined = append(joined, l)
	}
	if vouched < 3 || vouched*4 < cut {
		return
	}
	x.lines = joined
	x.undone("lines were wrapped at column %d: %d were joined again", column, cut)
}

// whole says whether a line is a record's first line as it is.
func whole(text []byte, known map[string]bool) bool {
	n, _, _ := align.AnyPrefix(text)
	return known[string(text[n:])]
}

func prefixAt(text []byte) bool {
	n, _, _ := align.AnyPrefix(text)
	return n > 0
}
