// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"

	"lastpage/harness/compare"
)

// SweptCourses prints, for each strategy and course, from which moment on the whole WARN is stored and sent: the unit is the course.
func SweptCourses(w io.Writer, all []*compare.Sweep) error {
	t := &Table{Left: 1, Least: []int{16}, Title: "\nWhole WARN, from wire byte and ms on, course by course", Head: [][]string{
		{"strategy", "course", "stored", "ms", "sent", "ms", "void"}}}
	for _, sw := range all {
		course := "own"
		if sw.Drawn != nil {
			course = fmt.Sprint(sw.Drawn.N)
		}
		line := []string{shorten(sw.Strategy, 16), course}
		for _, e := range []*compare.Edge{sw.WarnStored, sw.WarnSent} {
			switch {
			case e == nil:
				line = append(line, "?", "?")
			case e.Never:
				line = append(line, "never", "-")
			default:
				line = append(line, fmt.Sprint(e.Byte), fmt.Sprintf("%.3f", float64(e.NS)/1e6))
			}
		}
		t.Rows = append(t.Rows, append(line, fmt.Sprint(sw.Voids)))
	}
	return t.Text(w)
}

// Two prints the shares of two runs beside each other.
func Two(w io.Writer, t *compare.Two) error {
	table := &Table{Left: 2, Least: []int{16, 6}, Head: [][]string{{"strategy", "letter", "first", "95 %", "second", "95 %", "p"}},
		Notes: []string{"n/m: in n of m courses came out this letter; p: Fisher's exact test, two-sided,", "small where the two shares differ"}}
	for _, r := range t.Rows {
		line := []string{shorten(r.Strategy, 16), r.Letter}
		for i := range 2 {
			line = append(line, fmt.Sprintf("%d/%d", r.Courses[i], r.Of[i]), fmt.Sprintf("%.0f..%.0f", 100*r.Share[i].Low, 100*r.Share[i].High))
		}
		table.Rows = append(table.Rows, append(line, fmt.Sprintf("%.3f", r.P)))
	}
	return table.Text(w)
}
