package report

import (
	"fmt"
	"io"

	"lastpage/harness"
	"lastpage/harness/compare"
)

// Run prints a run as a table that survives a mail, with what must stand beside it.
func Run(w io.Writer, r *compare.Run) error {
	fmt.Fprintf(w, "scenario %s\n", r.Scenario)
	for _, row := range r.Rows {
		fmt.Fprintf(w, "  %-20s Linux %s (%s), %s, %d cpus, wire %s: %d valid, %d void\n", row.Strategy, row.Release, row.Console, row.Board,
			row.CPUs, row.Mode, len(row.Graded), len(row.Voids))
		for _, line := range origin(row.Origin) {
			fmt.Fprintf(w, "  %-20s %s\n", "", line)
		}
	}
	fmt.Fprintln(w)
	if err := runTable(r).Text(w); err != nil {
		return err
	}
	for _, row := range r.Rows {
		if row.Why != "" {
			fmt.Fprintf(w, "%s: %s\n", row.Strategy, row.Why)
		}
		for _, v := range row.Voids {
			fmt.Fprintf(w, "void %s: %v\n", v.Dir, v.Why)
		}
	}
	if r.Status != harness.Finished {
		fmt.Fprintln(w, "UNFINISHED: what is missing was not reached")
	}
	return nil
}

// runTable has a row for each strategy. A share is the median over the trials that count, in percent of what was expected.
func runTable(r *compare.Run) *Table {
	t := &Table{Left: 2, Least: []int{17, 5, 7, 6, 5, 7, 5, 5, 5}, Head: [][]string{
		{"", "", "pending", "backlog", "", "warn", "", "panic", ""},
		{"strategy", "grade", "bytes", "store", "wire", "store", "wire", "store", "wire"}},
		Notes: []string{"store, wire: % of the expected bytes, median of the trials; - not expected,"}}
	last := "? unknown; pending at the provocation"
	for _, row := range r.Rows {
		s := compare.Summarise(row.Graded)
		letters := s.Letters
		switch row.Fault {
		case compare.Cannot, compare.NoSymbol:
			letters = "cannot"
		case compare.KernelsFault:
			letters = "dead"
		}
		pending := "?"
		if s.Pending != nil {
			pending = fmt.Sprint(*s.Pending)
		}
		line := append([]string{shorten(row.Strategy, 17), letters, pending}, s.Shares[:]...)
		if n := len(row.Voids); n > 0 {
			line = append(line, fmt.Sprintf("%dv", n))
			last = "? unknown; pending at the provocation; nv: n trials were void"
		}
		t.Rows = append(t.Rows, line)
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
