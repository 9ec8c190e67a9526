// SPDX-License-Identifier: Apache-2.0

package report

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"lastpage/harness/compare"
)

// Columns of the tables: the scenario's name, then the strategies, as many as fit into Width.
const (
	scenarioWidth = 29
	cellWidth     = 15
	perBlock      = (Width - scenarioWidth) / cellWidth

	manyStrategies = 9
)

// Matrix prints a matrix for a mail: what was on the wire, what was stored and lost, and what panic cost.
func Matrix(w io.Writer, m *compare.Matrix) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d baud, board %s, backlog %d records of %d bytes\n", m.Baud, m.Board, m.Backlog, m.RecordLen)
	cells, valid, void := m.Counts()
	fmt.Fprintf(&b, "%d of %d cells, %d trials and %d void in %s\n", cells, len(m.Strategies)*len(m.Scenarios), valid, void, m.Took.Round(time.Second))
	exact := !slices.ContainsFunc(m.Strategies, func(c compare.Column) bool { return !c.Repeats })
	alike := !slices.ContainsFunc(m.Strategies, func(c compare.Column) bool { return m.Modes(c) != m.Modes(m.Strategies[0]) })
	if alike && len(m.Strategies) > 0 {
		fmt.Fprintf(&b, "wire %s\n", m.Modes(m.Strategies[0]))
	}
	for _, c := range m.Strategies {
		line := fmt.Sprintf("  %-22s %s, %s, %d cpus", short(c.Name, 22), c.Release, c.Console, c.CPUs)
		if mode := m.Modes(c); !alike && len(line)+len(", wire ")+len(mode) > Width {
			line += fmt.Sprintf(",\n%25swire %s", "", mode)
		} else if !alike {
			line += ", wire " + mode
		}
		b.WriteString(line + "\n")
	}
	block(m, &b, "On the wire, % of the expected bytes: backlog/warn/panic", shares)
	block(m, &b, "Stored, and never whole on the wire: records, least..most of the trials\n(most in holes before the last record on the wire)", lost)
	block(m, &b, "Trials: valid, and +void", counted)
	if !exact {
		block(m, &b, "Trials whose panic was wholly sent, % (95 % interval)", intervalCell)
	}
	b.WriteString("\nMedian of the trials; - not expected, ? unknown, . not done;\ncannot: this board or kernel has no way to do it; dead: never armed.\n")
	switch {
	case exact && drawn(m):
		b.WriteString("The wire is exact: N is the number of different moments and courses, not of\nrepetitions. The moments of a course are not independent.\n")
	case exact:
		b.WriteString("The wire is exact: N is the number of different moments, not of\nrepetitions, and no interval is given.\n")
	}
	if err := errors.Join(disagreeing(m, &b), words(m, &b), repeats(m, &b), delays(m, &b)); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// block prints one table, a few columns at a time: scenarios down and strategies across, or the other way where there are many strategies.
func block(m *compare.Matrix, b *strings.Builder, title string, cell func(*compare.Cell) string) {
	fmt.Fprintf(b, "\n%s\n", title)
	var strategies []string
	for _, c := range m.Strategies {
		strategies = append(strategies, c.Name)
	}
	rows, columns, at := m.Scenarios, strategies, func(row, column string) *compare.Cell { return m.Cell(column, row) }
	if len(strategies) > manyStrategies {
		rows, columns, at = strategies, m.Scenarios, m.Cell
	}
	for cols := range slices.Chunk(columns, perBlock) {
		line := fmt.Sprintf("%-*s", scenarioWidth, "")
		for _, c := range cols {
			line += fmt.Sprintf(" %*s", cellWidth-1, short(strings.TrimPrefix(c, "panic-dies-in:"), cellWidth-1))
		}
		b.WriteString(line + "\n")
		for _, r := range rows {
			line := fmt.Sprintf("%-*s", scenarioWidth, short(r, scenarioWidth))
			for _, c := range cols {
				text := "."
				if x := at(r, c); x != nil {
					text = "cannot"
					switch {
					case len(x.Trials) > 0:
						text = cell(x)
					case x.Fault == compare.KernelsFault:
						text = "dead"
					case x.Fault == compare.NeverArmed || x.Fault == compare.NeverOver:
						text = "?"
					case len(x.Voids) > 0:
						text = "void"
					}
				}
				line += fmt.Sprintf(" %*s", cellWidth-1, text)
			}
			b.WriteString(line + "\n")
		}
	}
}

// short cuts a name in the middle of what strategies have in common.
func short(s string, n int) string {
	s = strings.Replace(s, "+printk.flush_points=", "+", 1)
	s = strings.Replace(s, "panic-dies-in:", "dies:", 1)
	if len(s) > n {
		s = s[:n-1] + "~"
	}
	return s
}

// shares are "backlog/warn/panic".
func shares(c *compare.Cell) string {
	var out []string
	for _, s := range c.Shares() {
		switch {
		case s.Expected:
			out = append(out, fmt.Sprint(s.Percent))
		case s.Unknown:
			out = append(out, "?")
		default:
			out = append(out, "-")
		}
	}
	return strings.Join(out, "/")
}

func lost(c *compare.Cell) string {
	r, holes, ok := c.Unsent()
	if !ok {
		return "?"
	}
	out := between(r)
	if holes > 0 {
		out += fmt.Sprintf(" (%d)", holes)
	}
	return out
}

// between is a range, or one number.
func between(r compare.Range) string {
	if r.Least == r.Most {
		return fmt.Sprint(r.Least)
	}
	return fmt.Sprintf("%d..%d", r.Least, r.Most)
}

func counted(c *compare.Cell) string {
	if len(c.Voids) > 0 {
		return fmt.Sprintf("%d+%d", len(c.Trials), len(c.Voids))
	}
	return fmt.Sprint(len(c.Trials))
}

func intervalCell(c *compare.Cell) string {
	k, n, in, ok := c.PanicSent()
	if !ok {
		return "-"
	}
	return fmt.Sprintf("%d (%d..%d)", 100*k/n, int(100*in.Low), int(math.Ceil(100*in.High)))
}

// drawn says whether trials are of drawn courses.
func drawn(m *compare.Matrix) bool {
	for c := range cells(m) {
		return c.Trials[0].Course > 0
	}
	return false
}

// disagreeing lists the cells whose courses do not agree, with what came of them.
func disagreeing(m *compare.Matrix, b *strings.Builder) error {
	if !drawn(m) {
		return nil
	}
	t := &Table{Left: 3, Least: []int{scenarioWidth, 22}, Title: "\nWhere the courses disagree: letter of a course's worst trial, in how many of\nthe courses. No such cell has a letter of its own"}
	silent := 0
	for c := range cells(m) {
		kinds, none := c.Kinds()
		if len(kinds) == 0 {
			silent++
		}
		if len(kinds) == 0 || len(kinds) == 1 && none == 0 {
			continue
		}
		var all []string
		for _, k := range kinds {
			all = append(all, fmt.Sprintf("%s %d/%d", k.Letter, k.Courses, k.Of))
		}
		if none > 0 {
			all = append(all, fmt.Sprintf("no letter in %d", none))
		}
		t.Rows = append(t.Rows, []string{short(c.Scenario, scenarioWidth), short(c.Strategy, 22), strings.Join(all, ", ")})
	}
	err := t.unlessEmpty(b)
	if len(t.Rows) == 0 {
		b.WriteString("\nThe courses of every cell that has letters agree in them.\n")
	}
	if silent > 0 {
		fmt.Fprintf(b, "%d cells have no letter in any course: of them this says nothing.\n", silent)
	}
	return err
}

// words lists the last message on the wire where the machine died before its time.
func words(m *compare.Matrix, b *strings.Builder) error {
	t := &Table{Left: 4, Least: []int{20, 12, 5}, Title: "\nThe last message on the wire where the machine died, in how many of the\ntrials; / only its beginning came out"}
	for c := range cells(m) {
		if !c.Dies {
			continue
		}
		for _, x := range c.LastWords() {
			text := x.Text
			if x.Backlog {
				text = "(a record of the backlog)"
			}
			if !x.Whole {
				text = "/" + text
			}
			t.Rows = append(t.Rows, []string{short(strings.TrimPrefix(c.Scenario, "panic-dies-in:"), 20), short(c.Strategy, 12),
				fmt.Sprintf("%5s", fmt.Sprintf("%d/%d", x.Trials, len(c.Trials))), short(text, 35)})
		}
	}
	return t.unlessEmpty(b)
}

// repeats lists where whole records came out once more.
func repeats(m *compare.Matrix, b *strings.Builder) error {
	t := &Table{Left: 3, Least: []int{scenarioWidth, 22}, Title: "\nWhole records that came out once more, least..most of the trials"}
	for c := range cells(m) {
		if r, ok := c.Repeats(); ok && r.Most > 0 {
			t.Rows = append(t.Rows, []string{short(c.Scenario, scenarioWidth), short(c.Strategy, 22), between(r)})
		}
	}
	return t.unlessEmpty(b)
}

// delays lists the time and the bytes between panic() and the hand-over to the crash kernel.
func delays(m *compare.Matrix, b *strings.Builder) error {
	t := &Table{Left: 1, Least: []int{22, 3, 11, 11, 8, 8}, Title: "\nFrom panic() to the crash kernel's first instruction, least and most",
		Head: [][]string{{"", "N", "ms", "ms", "bytes", "bytes"}}}
	for c := range cells(m) {
		if !c.Delay {
			continue
		}
		if ns, bytes, n := c.Delays(); n > 0 {
			t.Rows = append(t.Rows, []string{short(c.Strategy, 22), fmt.Sprint(n), fmt.Sprintf("%.3f", float64(ns.Least)/1e6),
				fmt.Sprintf("%.3f", float64(ns.Most)/1e6), fmt.Sprint(bytes.Least), fmt.Sprint(bytes.Most)})
		}
	}
	return t.unlessEmpty(b)
}

// unlessEmpty prints a table that has rows.
func (t *Table) unlessEmpty(w io.Writer) error {
	if len(t.Rows) == 0 {
		return nil
	}
	return t.Text(w)
}

// cells are those of a matrix that have trials, scenario by scenario.
func cells(m *compare.Matrix) iter.Seq[*compare.Cell] {
	return func(yield func(*compare.Cell) bool) {
		for _, sc := range m.Scenarios {
			for _, col := range m.Strategies {
				if c := m.Cell(col.Name, sc); c != nil && len(c.Trials) > 0 && !yield(c) {
					return
				}
			}
		}
	}
}
