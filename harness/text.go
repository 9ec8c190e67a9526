package harness

import (
	"fmt"
	"io"

	"lastpage/harness/grade"
)

// WriteText prints the run as a table that survives a mail, with what must stand beside it.
func (r *Run) WriteText(w io.Writer) error {
	rows := make([]grade.Row, len(r.Rows))
	for i, row := range r.Rows {
		rows[i] = grade.Row{Name: row.Strategy, Grades: row.Graded}
	}
	fmt.Fprintf(w, "scenario %s\n", r.Scenario)
	for _, row := range r.Rows {
		fmt.Fprintf(w, "  %-20s Linux %s (%s), %s, %d cpus, wire %s: %d valid, %d void\n", row.Strategy, row.Release, row.Console, row.Board,
			row.CPUs, row.Mode, len(row.Graded), len(row.Voids))
	}
	fmt.Fprintln(w)
	if err := grade.WriteTable(w, rows); err != nil {
		return err
	}
	for _, row := range r.Rows {
		for _, v := range row.Voids {
			fmt.Fprintf(w, "void %s: %v\n", v.Dir, v.Why)
		}
	}
	return nil
}
