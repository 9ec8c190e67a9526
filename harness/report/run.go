// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/grade"
)

// Run prints a run as a table that survives a mail, with what must stand beside it.
func Run(w io.Writer, r *compare.Run) error {
	fmt.Fprintf(w, "scenario %s\n", r.Scenario)
	for _, row := range r.Rows {
		fmt.Fprintf(w, "  %-20s Linux %s (%s), %s, %d cpus, wire %s: %d valid, %d void\n", row.Strategy, row.Release, row.Console, row.Board,
			row.CPUs, row.Mode, len(row.Graded()), len(row.Voids()))
		for _, line := range origin(row.Origin) {
			fmt.Fprintf(w, "  %-20s %s\n", "", line)
		}
	}
	fmt.Fprintln(w)
	if err := runTable(r).Text(w); err != nil {
		return err
	}
	if err := kinds(w, r); err != nil {
		return err
	}
	for _, row := range r.Rows {
		if row.Why != "" {
			fmt.Fprintf(w, "%s: %s\n", row.Strategy, row.Why)
		}
		for _, c := range row.Courses {
			if row.Why == "" && c.Why != "" {
				fmt.Fprintf(w, "%s, %s: %s\n", row.Strategy, c.Course, c.Why)
			}
		}
		for i, g := range row.Graded() {
			if g.Letter == "" {
				fmt.Fprintf(w, "no letter %s: %s%s\n", row.Trials()[i], g.Why, unread(g))
			}
		}
		for _, v := range row.Voids() {
			fmt.Fprintf(w, "void %s: %s\n", v.Dir, strings.Join(v.Why, "; "))
		}
	}
	if r.Status != harness.Finished {
		fmt.Fprintln(w, "UNFINISHED: what is missing was not reached")
	}
	return nil
}

// unread says why the ringbuffer of a trial was not read, in brackets; "" if it was.
func unread(g *grade.Grade) string {
	if g.Ring != nil || g.RingWhy == "" {
		return ""
	}
	return " (" + g.RingWhy + ")"
}

// runTable has a row for each strategy. A share is the median over the trials that count, in percent of what was expected.
func runTable(r *compare.Run) *Table {
	t := &Table{Left: 2, Least: []int{16, 5, 7, 6, 5, 7, 5, 5, 5}, Head: [][]string{
		{"", "", "pending", "backlog", "", "warn", "", "panic", ""},
		{"strategy", "grade", "bytes", "store", "wire", "store", "wire", "store", "wire"}},
		Notes: []string{"store, wire: % of the expected bytes, median of the trials; - not expected,"}}
	last := "? unknown; pending at the provocation"
	if r.Ensemble.Courses > 0 {
		last += ";\ngrade: of the worst course; n/m: in n of m courses"
	}
	voids := false
	for _, row := range r.Rows {
		s := compare.Summarise(row.Graded())
		letters := s.Letters
		if r.Ensemble.Courses > 0 {
			if k := row.Kinds(); len(k) > 0 {
				letters = fmt.Sprintf("%s %d/%d", k[0].Letter, k[0].Courses, k[0].Of)
			}
		}
		if len(row.Graded())+len(row.Voids()) == 0 { // it was not reached
			letters = "-"
		}
		switch row.Fault {
		case compare.Cannot, compare.NoSymbol:
			letters = "cannot"
		case compare.KernelsFault:
			letters = "dead"
		case compare.NeverArmed, compare.NeverOver:
			letters = "?"
		}
		pending := "?"
		if s.Pending != nil {
			pending = fmt.Sprint(*s.Pending)
		}
		line := append([]string{shorten(row.Strategy, 16), letters, pending}, s.Shares[:]...)
		if n := len(row.Voids()); n > 0 {
			line = append(line, fmt.Sprintf("%dv", n))
			voids = true
		}
		t.Rows = append(t.Rows, line)
	}
	if voids {
		last += "; nv: n trials void"
	}
	t.Notes = append(t.Notes, last)
	return t
}

// shorten cuts a name that is longer than n.
func shorten(s string, n int) string {
	if len(s) > n {
		return s[:n-1] + "~"
	}
	return s
}

// kinds tells, for each strategy, in how many courses each outcome came out, and what one of each can be seen by.
func kinds(w io.Writer, r *compare.Run) error {
	if r.Ensemble.Courses == 0 {
		return nil
	}
	t := &Table{Left: 1, Title: "\nThe unit is the course: one draw of all that differs from boot to boot"}
	if r.Ensemble.How == harness.Branched {
		t.Title = "\nThe unit is the course. A strategy's share one boot: see --courses-by boot"
	}
	for _, row := range r.Rows {
		all := row.Kinds()
		for i, k := range all {
			line := fmt.Sprintf("%s in %d of %d courses (95 %%: %.0f to %.0f %%)", k.Letter, k.Courses, k.Of, 100*k.Share.Low, 100*k.Share.High)
			if k.Warn != nil {
				many := between(*k.Warn) + " records"
				if k.Warn.Most == 1 && k.Warn.Least == 1 {
					many = records(1)
				}
				line += ", " + many + " of the WARN stored"
			}
			name := row.Strategy
			if i > 0 {
				name = ""
			}
			t.Rows = append(t.Rows, []string{shorten(name, 16), line})
			if len(all) > 1 {
				for _, p := range k.Printed {
					t.Rows = append(t.Rows, []string{"", fmt.Sprintf("  CPU %d printed, the trouble came on CPU %d: %d", p.Writer, p.Trouble, p.Courses)})
				}
				if k.Owner != "" {
					t.Rows = append(t.Rows, []string{"", "  console at the end: " + k.Owner})
				}
				t.Rows = append(t.Rows, []string{"", "  " + k.Dir})
			}
		}
		if len(all) > 1 {
			t.Rows = append(t.Rows, []string{"", "  its courses disagree: there is no single letter for it"})
		}
	}
	t.Left = 2
	return t.Text(w)
}
