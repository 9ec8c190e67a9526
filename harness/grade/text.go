// SPDX-License-Identifier: Apache-2.0

package grade

import (
	"fmt"
	"io"
	"strings"
)

// WriteText prints one grade for people.
func WriteText(w io.Writer, g *Grade) error {
	var b strings.Builder
	switch {
	case len(g.Void) > 0:
		fmt.Fprintf(&b, "VOID, no grade\n")
		for _, v := range g.Void {
			fmt.Fprintf(&b, "  %s\n", v)
		}
	case g.Letter == "":
		fmt.Fprintf(&b, "no grade: %s\n", g.Why)
	default:
		fmt.Fprintf(&b, "grade %s (%s)\n", g.Letter, g.Why)
	}
	fmt.Fprintf(&b, "\n%-8s  %-14s  %-14s  %-14s  %5s  %s\n", "", "expected", "stored", "on the wire", "lost", "")
	for _, name := range Names {
		s := g.Sections[name]
		if s == nil || s.Fates.None() && (s.Expected == nil || s.Expected.Records == 0) {
			continue
		}
		fmt.Fprintf(&b, "%-8s  %s  %s  %s  %5s  %s\n", name, s.Expected.cell(), s.Stored.cell(), s.Wire.cell(), number(s.Lost), s.Letter)
	}
	g.emergencies(&b)
	b.WriteString("          records bytes, as the console sends them; ? is unknown\n\n")
	for _, name := range Names {
		s := g.Sections[name]
		if s == nil {
			continue
		}
		if f := s.Fates.String(); f != "" {
			fmt.Fprintf(&b, "%-8s  %s", name, f)
			if s.OutOfOrder > 0 {
				fmt.Fprintf(&b, ", %d out of order", s.OutOfOrder)
			}
			if s.Expected != nil && s.Expected.Records > 0 {
				fmt.Fprintf(&b, " (expected: %s)", s.ExpectedFrom)
			}
			b.WriteByte('\n')
		}
	}
	for n, sp := range g.Splats {
		fmt.Fprintf(&b, "splat %-2d  %s (end: %s): %s\n", n+1, shorten(sp.Title, 90), or(sp.End, "not found"), sp.Section.Fates)
	}
	g.captured(&b)
	g.unsteady(&b)
	g.moments(&b)
	c := g.Console
	fmt.Fprintf(&b, "console   %s; %d torn, %d replay notes, %d repeats, %d dropped in %d notes\n",
		c.Format, c.Torn, c.ReplayNotes, c.Repeats, c.Dropped, c.DroppedNotes)
	if c.OrderBreaks > 0 {
		fmt.Fprintf(&b, "          the wire steps back %d times, %d records out of order\n", c.OrderBreaks, c.OutOfOrder)
	}
	fmt.Fprintf(&b, "wire      %d bytes: %d records, %d notes, %d foreign, %d unexplained\n",
		g.Wire.Bytes, g.Wire.Record, g.Wire.Meta, g.Wire.Foreign, g.Wire.Unexplained)
	if g.Wire.Rate != nil {
		fmt.Fprintf(&b, "          %.1f bytes/s inside records, clock %s\n", *g.Wire.Rate, g.Wire.Clock)
	}
	if g.Ring == nil {
		fmt.Fprintf(&b, "ring      not read: %s\n", or(g.RingWhy, "none given"))
	} else {
		fmt.Fprintf(&b, "ring      %d records, %s reserved, %s overwritten before them, kernel %s\n",
			g.Ring.Records, known(g.Ring.Reserved), known(g.Ring.Overwritten), or(g.Ring.Release, "?"))
		if w := g.Ring.Witness; w != nil {
			fmt.Fprintf(&b, "witness   %s\n", w.Kind)
			for _, u := range w.Unknown {
				fmt.Fprintf(&b, "          %s\n", u)
			}
		}
		for _, c := range g.Ring.Consoles {
			fmt.Fprintf(&b, "owner     %s at the end: %s\n", c.Name, c.Nbcon)
		}
	}
	for _, n := range g.Notes {
		fmt.Fprintf(&b, "note      %s\n", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// emergencies are the lines of the table for each splat; the first one is warn in the table as well.
func (g *Grade) emergencies(b *strings.Builder) {
	if len(g.Splats) < 2 {
		return
	}
	for n, sp := range g.Splats {
		s := sp.Section
		fmt.Fprintf(b, "%-8s  %s  %s  %s  %5s  %s\n", fmt.Sprintf("splat %d", n+1), s.Expected.cell(), s.Stored.cell(), s.Wire.cell(), number(s.Lost), s.Letter)
	}
}

// captured says what was found out about a wire that somebody else recorded.
func (g *Grade) captured(b *strings.Builder) {
	c := g.Capture
	if c == nil {
		return
	}
	fmt.Fprintf(b, "capture   %d bytes, line ends %s, %d boots", c.Bytes, or(c.LineEnds, "none"), len(c.Boots))
	if c.Before > 0 {
		fmt.Fprintf(b, ", %d bytes before the kernel", c.Before)
	}
	if c.SameTime+c.OtherTime > 0 {
		fmt.Fprintf(b, "; %d lines with a record's time, %d with another", c.SameTime, c.OtherTime)
	}
	b.WriteByte('\n')
	if c.Loglevel != "" {
		fmt.Fprintf(b, "loglevel  %s\n", c.Loglevel)
	}
	for _, x := range []struct {
		name string
		list []string
	}{{"undone", c.Undone}, {"cut", c.Cut}, {"note", c.Notes}} {
		for i, s := range x.list {
			if i == maxSaid {
				fmt.Fprintf(b, "%-8s  and %d more (--json has them)\n", x.name, len(x.list)-i)
				break
			}
			fmt.Fprintf(b, "%-8s  %s\n", x.name, s)
		}
	}
}

// maxSaid bounds how many sentences of one kind the text has.
const maxSaid = 12

func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "~"
	}
	return s
}

func (g *Grade) moments(b *strings.Builder) {
	if p := g.PendingAtProvoke; p != nil {
		fmt.Fprintf(b, "pending   %d bytes in %d records at the provocation\n", p.Bytes, p.Records)
	}
	if p := g.PendingAtInject; p != nil {
		fmt.Fprintf(b, "pending   %d bytes in %d records at the injection\n", p.Bytes, p.Records)
	}
	for _, d := range g.Delays {
		fmt.Fprintf(b, "delay     %-17s -> %-17s %10.3f ms %9d bytes\n", d.From, d.To, float64(d.NS)/1e6, d.Bytes)
	}
}

func or(s, t string) string {
	if s == "" {
		return t
	}
	return s
}

func (c *Count) cell() string {
	if c == nil {
		return fmt.Sprintf("%5s %8s", "?", "?")
	}
	return fmt.Sprintf("%5d %8d", c.Records, c.Bytes)
}

func number(n *int) string {
	if n == nil {
		return "?"
	}
	return fmt.Sprint(*n)
}

// String lists the fates that occur.
func (f Fates) String() string {
	var s []string
	for _, x := range []struct {
		n    int
		name string
	}{{f.Intact, "intact"}, {f.Replayed, "replayed"}, {f.Torn, "torn"}, {f.Garbled, "garbled"}, {f.Missing, "missing"}, {f.Unknown, "unknown"},
		{f.Suppressed, "suppressed"}, {f.Unprintable, "unprintable"}, {f.Seen, "seen only on the wire"},
		{f.Reserved, "reserved"}, {f.Overwritten, "overwritten"}, {f.Failed, "failed"}} {
		if x.n > 0 {
			s = append(s, fmt.Sprintf("%d %s", x.n, x.name))
		}
	}
	if f.Never != nil && *f.Never > 0 {
		s = append(s, fmt.Sprintf("%d never stored", *f.Never))
	}
	return strings.Join(s, ", ")
}

// known is a figure, or ? where nobody knows it.
func known[T int | uint64](n *T) string {
	if n == nil {
		return "?"
	}
	return fmt.Sprint(*n)
}
