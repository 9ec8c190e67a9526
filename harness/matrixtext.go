package harness

import (
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"lastpage/harness/grade"
)

// Columns of the tables: the scenario's name, then the strategies, as many as fit into grade.Width.
const (
	scenarioWidth = 29
	cellWidth     = 15
	perBlock      = (grade.Width - scenarioWidth) / cellWidth

	manyStrategies = 9
)

// WriteText prints the matrix for a mail: what was on the wire, what was stored and lost, and what panic cost.
func (m *Matrix) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d baud, board %s, backlog %d records of %d bytes\n", m.Baud, m.Board, m.Backlog, m.RecordLen)
	cells, valid, void := m.counts()
	fmt.Fprintf(&b, "%d of %d cells, %d trials and %d void in %s\n", cells, len(m.Strategies)*len(m.Scenarios), valid, void, m.Took.Round(time.Second))
	exact := !slices.ContainsFunc(m.Strategies, func(c Column) bool { return !strings.HasPrefix(c.Mode, "exact") })
	alike := !slices.ContainsFunc(m.Strategies, func(c Column) bool { return m.modes(c) != m.modes(m.Strategies[0]) })
	if alike && len(m.Strategies) > 0 {
		fmt.Fprintf(&b, "wire %s\n", m.modes(m.Strategies[0]))
	}
	for _, c := range m.Strategies {
		line := fmt.Sprintf("  %-22s %s, %s, %d cpus", short(c.Name, 22), c.Release, c.Console, c.CPUs)
		if mode := m.modes(c); !alike && len(line)+len(", wire ")+len(mode) > grade.Width {
			line += fmt.Sprintf(",\n%25swire %s", "", mode)
		} else if !alike {
			line += ", wire " + mode
		}
		b.WriteString(line + "\n")
	}
	m.block(&b, "On the wire, % of the expected bytes: backlog/warn/panic", shares)
	m.block(&b, "Stored, and never whole on the wire: records, least..most of the trials\n(most in holes before the last record on the wire)", lost)
	m.block(&b, "Trials: valid, and +void", counted)
	if !exact {
		m.block(&b, "Trials whose panic was wholly sent, % (95 % Wilson interval)", wilsonCell)
	}
	b.WriteString("\nMedian of the trials; - not expected, ? unknown, x cannot be played,\n. not done.\n")
	if exact {
		b.WriteString("The wire is exact: N is the number of different moments, not of\nrepetitions, and no interval is given.\n")
	}
	m.words(&b)
	m.repeats(&b)
	m.delays(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// block prints one table, a few columns at a time: scenarios down and strategies across, or the other way where there are many strategies.
func (m *Matrix) block(b *strings.Builder, title string, cell func(*Cell) string) {
	fmt.Fprintf(b, "\n%s\n", title)
	var strategies []string
	for _, c := range m.Strategies {
		strategies = append(strategies, c.Name)
	}
	rows, columns, at := m.Scenarios, strategies, func(row, column string) *Cell { return m.Cell(column, row) }
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
					text = "x"
					switch {
					case len(x.Trials) > 0:
						text = cell(x)
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

func shares(c *Cell) string {
	var out []string
	for _, name := range []string{grade.Backlog, grade.Warn, grade.Panic} {
		var v []float64
		text := "-"
		for _, t := range c.Trials {
			s := t.Grade.Sections[name]
			switch {
			case s.Expected != nil && s.Expected.Bytes > 0:
				v = append(v, 100*float64(s.Wire.Bytes)/float64(s.Expected.Bytes))
			case s.Expected == nil && s.Fates != (grade.Fates{}):
				text = "?"
			}
		}
		if len(v) > 0 {
			slices.Sort(v)
			x := v[len(v)/2]
			text = fmt.Sprint(int(x)) // never rounded up: 100 is said only where nothing is missing
		}
		out = append(out, text)
	}
	return strings.Join(out, "/")
}

func lost(c *Cell) string {
	var n, holes []int
	for _, t := range c.Trials {
		if t.Words != nil {
			n = append(n, t.Words.Unsent+t.Words.Cut)
			holes = append(holes, t.Words.UnsentBefore)
		}
	}
	if len(n) == 0 {
		return "?"
	}
	out := between(slices.Min(n), slices.Max(n))
	if h := slices.Max(holes); h > 0 {
		out += fmt.Sprintf(" (%d)", h)
	}
	return out
}

// between is a range, or one number.
func between(lo, hi int) string {
	if lo == hi {
		return fmt.Sprint(lo)
	}
	return fmt.Sprintf("%d..%d", lo, hi)
}

func counted(c *Cell) string {
	if len(c.Voids) > 0 {
		return fmt.Sprintf("%d+%d", len(c.Trials), len(c.Voids))
	}
	return fmt.Sprint(len(c.Trials))
}

func wilsonCell(c *Cell) string {
	k, n := 0, 0
	for _, t := range c.Trials {
		s := t.Grade.Sections[grade.Panic]
		if s.Expected == nil || s.Expected.Records == 0 {
			continue
		}
		n++
		if s.Wire.Records >= s.Expected.Records {
			k++
		}
	}
	if n == 0 {
		return "-"
	}
	lo, hi := Wilson(k, n)
	return fmt.Sprintf("%d (%d..%d)", 100*k/n, int(100*lo), int(math.Ceil(100*hi)))
}

// Wilson is the 95 % score interval of k successes in n trials (Wilson 1927), as shares. n must be positive.
func Wilson(k, n int) (lo, hi float64) {
	const z = 1.959964
	p, m := float64(k)/float64(n), float64(n)
	mid := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return math.Max(0, mid-half), math.Min(1, mid+half)
}

// words lists the last message on the wire where the machine died before its time.
func (m *Matrix) words(b *strings.Builder) {
	const title = "\nThe last message on the wire where the machine died, in how many of the\ntrials; / only its beginning came out\n"
	first := true
	for _, sc := range m.Scenarios {
		if !strings.HasPrefix(sc, "panic-dies-in:") && !strings.HasPrefix(sc, "dies-before:") {
			continue
		}
		for _, col := range m.Strategies {
			c := m.Cell(col.Name, sc)
			if c == nil || len(c.Trials) == 0 || c.Trials[0].Words == nil {
				continue
			}
			if first {
				b.WriteString(title)
				first = false
			}
			for _, x := range lastOnes(c) {
				fmt.Fprintf(b, "%-20s %-12s %5s%s\n", short(strings.TrimPrefix(sc, "panic-dies-in:"), 20), short(col.Name, 12),
					fmt.Sprintf("%d/%d", x.n, len(c.Trials)), short(x.text, 36))
			}
		}
	}
}

// lastOne is a last message and in how many trials it was.
type lastOne struct {
	text string // a blank before it if it is whole, a slash if only its beginning came out
	n    int
}

var backlogRecord = regexp.MustCompile(`^lastpage [0-9a-f]{8} b \d+ (\d+) .*`)

// lastOnes are the last messages of a cell's trials, each once; all records of the backlog are alike.
func lastOnes(c *Cell) []lastOne {
	var all []lastOne
	for _, t := range c.Trials {
		if t.Words == nil {
			continue
		}
		text := " " + t.Words.LastWire
		if backlogRecord.MatchString(t.Words.LastWire) {
			text = " (a record of the backlog)"
		}
		if !t.Words.LastWhole && t.Words.LastWire != "" {
			text = "/" + text[1:]
		}
		if i := slices.IndexFunc(all, func(x lastOne) bool { return x.text == text }); i >= 0 {
			all[i].n++
			continue
		}
		all = append(all, lastOne{text, 1})
	}
	return all
}

// repeats lists where whole records came out once more.
func (m *Matrix) repeats(b *strings.Builder) {
	first := true
	for _, sc := range m.Scenarios {
		for _, col := range m.Strategies {
			c := m.Cell(col.Name, sc)
			if c == nil {
				continue
			}
			var n []int
			for _, t := range c.Trials {
				n = append(n, t.Grade.Console.Repeats)
			}
			if len(n) == 0 || slices.Max(n) == 0 {
				continue
			}
			if first {
				b.WriteString("\nWhole records that came out once more, least..most of the trials\n")
				first = false
			}
			fmt.Fprintf(b, "%-*s %-22s %s\n", scenarioWidth, short(sc, scenarioWidth), short(col.Name, 22), between(slices.Min(n), slices.Max(n)))
		}
	}
}

// delays lists the time and the bytes between panic() and the hand-over to the crash kernel.
func (m *Matrix) delays(b *strings.Builder) {
	first := true
	for _, col := range m.Strategies {
		c := m.Cell(col.Name, "crash-exec-delay")
		if c == nil || len(c.Trials) == 0 {
			continue
		}
		var ns, bytes []int64
		for _, t := range c.Trials {
			for _, d := range t.Grade.Delays {
				if d.From == "panic-call" && d.To == "crash-exec" {
					ns, bytes = append(ns, d.NS), append(bytes, d.Bytes)
				}
			}
		}
		if len(ns) == 0 {
			continue
		}
		if first {
			fmt.Fprintf(b, "\nFrom panic() to the crash kernel's first instruction, least and most\n%-22s %3s %11s %11s %8s %8s\n", "", "N", "ms", "ms", "bytes", "bytes")
			first = false
		}
		fmt.Fprintf(b, "%-22s %3d %11.3f %11.3f %8d %8d\n", short(col.Name, 22), len(ns), float64(slices.Min(ns))/1e6, float64(slices.Max(ns))/1e6,
			slices.Min(bytes), slices.Max(bytes))
	}
}
