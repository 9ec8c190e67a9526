// SPDX-License-Identifier: Apache-2.0

// Package report shows what harness/compare holds: as text for a mail or a terminal, as TSV for other programs. It lays out and computes
// nothing: every figure comes from the values.
package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Width is what text keeps to, so that it survives a mail.
const Width = 75

// Table is what every report is made of. It becomes text or TSV; whoever shows it otherwise needs nothing else.
type Table struct {
	Title string
	Head  [][]string // lines of the head
	Rows  [][]string
	Left  int   // so many columns from the left are names and begin at their left end; the others are figures and end at their right end
	Least []int // least width of a column; it grows with what is in it
	Notes []string
}

// Text prints the table for people.
func (t *Table) Text(w io.Writer) error {
	b := bufio.NewWriter(w)
	if t.Title != "" {
		fmt.Fprintln(b, t.Title)
	}
	widths := t.widths()
	for _, line := range append(append([][]string{}, t.Head...), t.Rows...) {
		text := ""
		for i, cell := range line {
			pad := strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell)))
			if i > 0 {
				text += " "
			}
			if i < t.Left {
				text += cell + pad
			} else {
				text += pad + cell
			}
		}
		fmt.Fprintln(b, strings.TrimRight(text, " "))
	}
	for _, n := range t.Notes {
		fmt.Fprintln(b, n)
	}
	return b.Flush()
}

func (t *Table) widths() []int {
	widths := append([]int(nil), t.Least...)
	for _, line := range append(append([][]string{}, t.Head...), t.Rows...) {
		for i, cell := range line {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// TSV prints the last line of the head and the rows, separated by tabs, for other programs. Tabs and line ends inside cells become blanks.
func (t *Table) TSV(w io.Writer) error {
	b := bufio.NewWriter(w)
	clean := strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")
	lines := t.Rows
	if n := len(t.Head); n > 0 {
		lines = append([][]string{t.Head[n-1]}, lines...)
	}
	for _, line := range lines {
		for i, cell := range line {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(clean.Replace(cell))
		}
		b.WriteByte('\n')
	}
	return b.Flush()
}
