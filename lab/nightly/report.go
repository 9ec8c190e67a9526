// SPDX-License-Identifier: Apache-2.0

package nightly

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"lastpage/harness"
	"lastpage/harness/gate"
	"lastpage/harness/report"
	"lastpage/harness/report/results"
)

// Suite is the night in the form from which JUnit, KTAP and KCIDB are written: a case for each board, and one for each strategy in each
// scenario on it.
func (n *Night) Suite(command string) *results.Suite {
	s := &results.Suite{Name: "nightly", Made: n.Made, Command: command, Started: n.Started}
	if n.Finished != nil {
		s.Finished = *n.Finished
	}
	for _, b := range n.Boards {
		c := results.Case{Board: b.Name, Group: b.Name + ": board", Name: "tried to the end", Kernel: len(s.Kernels), Status: results.Pass}
		if b.Fault != "" {
			c.Status, c.Why = results.Miss, strings.Join(strings.Fields(b.Fault), " ")
		}
		if b.matrix == nil {
			c.Kernel = 0
		}
		s.Cases = append(s.Cases, c)
		if b.matrix == nil {
			continue
		}
		of := results.OfMatrix(b.matrix, n.Require)
		for _, c := range of.Cases {
			c.Board, c.Group, c.Kernel = b.Name, b.Name+": "+c.Group, c.Kernel+len(s.Kernels)
			s.Cases = append(s.Cases, c)
		}
		s.Kernels = append(s.Kernels, of.Kernels...)
	}
	return s
}

// Write writes every report into the night's folder: text, JUnit, KTAP, KCIDB, and the matrix of each board.
func (n *Night) Write(dir, command string) error {
	var text bytes.Buffer
	if err := n.Text(&text); err != nil {
		return err
	}
	if err := harness.WriteFile(filepath.Join(dir, "nightly.txt"), text.Bytes()); err != nil {
		return err
	}
	for format, file := range map[string]string{"junit": "junit.xml", "ktap": "results.ktap", "kcidb": "kcidb.json"} {
		var b bytes.Buffer
		if err := results.Write(&b, format, n.Suite(command)); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := harness.WriteFile(filepath.Join(dir, file), b.Bytes()); err != nil {
			return err
		}
	}
	for _, b := range n.Boards {
		if b.matrix == nil {
			continue
		}
		var m strings.Builder
		if err := report.Matrix(&m, b.matrix); err != nil {
			return err
		}
		if err := harness.WriteFile(filepath.Join(b.Dir, "matrix.txt"), []byte(m.String())); err != nil {
			return err
		}
	}
	return nil
}

// Text is the summary for people.
func (n *Night) Text(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "board\tgraded\tvoid\tfailed by the lab\tletters\t")
	for _, b := range n.Boards {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\t\n", b.Name, b.Graded, b.Void, len(b.Failed), b.letters())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, b := range n.Boards {
		if b.Fault != "" {
			fmt.Fprintf(w, "\n%s was not tried to the end: %s\n", b.Name, b.Fault)
			if m := b.matrix; m != nil && m.Status != harness.Finished { // trials of a cell that was begun are in no cell yet
				fmt.Fprintf(w, "%s: counted is what belongs to the %d of %d cells that were finished\n", b.Name, len(m.Cells), len(m.Strategies)*len(m.Scenarios))
			}
		}
		for _, f := range b.Parts {
			if f.OK {
				continue
			}
			if !strings.Contains(b.Fault, f.Says) {
				fmt.Fprintf(w, "%s, %s: %s\n", b.Name, f.What, f.Says)
			}
			if f.Cure != "" {
				fmt.Fprintf(w, "  -> %s\n", f.Cure)
			}
		}
		for _, r := range b.Why {
			fmt.Fprintf(w, "%s: %d void: %s\n", b.Name, r.Trials, r.Why)
		}
		for _, f := range b.Failed {
			fmt.Fprintf(w, "%s: failed: %s\n", b.Name, f)
		}
		if b.matrix == nil {
			continue
		}
		for _, c := range b.matrix.Cells {
			if c.Fault != "" {
				fmt.Fprintf(w, "%s, %s, %s: no trial: %s\n", b.Name, c.Strategy, c.Scenario, strings.Join(strings.Fields(c.Why), " "))
			}
		}
	}
	return nil
}

// letters are those of a board's trials, each with how often it was given; "-" if there is none. References are not counted.
func (b *Board) letters() string {
	of := map[string]int{}
	if b.matrix != nil {
		for _, c := range b.matrix.Cells {
			for _, t := range c.Trials {
				of[t.Grade.Letter]++
			}
		}
	}
	var all []string
	for _, l := range gate.Letters {
		if of[l] > 0 {
			all = append(all, fmt.Sprintf("%s %d", l, of[l]))
		}
	}
	if of[""] > 0 {
		all = append(all, fmt.Sprintf("none %d", of[""]))
	}
	if len(all) == 0 {
		return "-"
	}
	return strings.Join(all, ", ")
}
