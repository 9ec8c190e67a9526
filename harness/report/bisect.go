// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"

	"lastpage/harness/compare"
)

// Bisect prints a finished bisection: the first bad commit beside the good one before it, with their grades, and what became of the others.
func Bisect(w io.Writer, b *compare.Bisect) error {
	var lines []string
	add := func(first, rest, text string, most int) { lines = append(lines, wrap(first, rest, text, most)...) }
	if f := b.First; f != nil {
		add("", "  ", "FIRST BAD: "+commit(b, f.Commit), 2)
		add("  ", "  ", f.Why, 4)
		lines = append(lines, "")
		for i, x := range f.Flips {
			if i == telling {
				break
			}
			first := ""
			if len(x.Records) > 0 {
				first = ": " + x.Records[0]
			}
			add("  ", "    ", fmt.Sprintf("course %d, %s, %s: %d records lack%s", x.Course, x.Moment, x.That, x.Lacks, first), 1)
		}
		if len(f.Flips) > 0 {
			lines = append(lines, "")
		}
		for _, c := range []struct{ word, id string }{{"good", f.Before}, {"bad", f.Commit}} {
			add("  "+pad(c.word), strings.Repeat(" ", 11), commit(b, c.id), 2)
			lines = append(lines, grades(b, c.id)...)
		}
	} else {
		add("", "  ", "CANNOT TELL: "+b.Why, 6)
		for _, id := range b.Among {
			add("  one of   ", strings.Repeat(" ", 11), commit(b, id), 1)
		}
		lines = append(lines, "")
		for _, s := range b.Steps {
			if s.Commit == b.Good || s.Commit == b.Bad {
				add("  "+pad(string(s.Mark)), strings.Repeat(" ", 11), commit(b, s.Commit), 2)
				lines = append(lines, grades(b, s.Commit)...)
			}
		}
	}
	count, trials, void, same := map[compare.Mark]int{}, 0, 0, 0
	for _, s := range b.Steps {
		count[s.Mark]++
		trials, void = trials+s.Tried, void+s.Void
		if s.Same != "" {
			same++
		}
	}
	add("  tried    ", "           ", fmt.Sprintf("%d of %d commits: %d good, %d bad, %d skipped; %d of them with the kernel of another; %d trials, %d void",
		len(b.Steps)-1, b.Range, count[compare.Good]-1, count[compare.Bad], count[compare.Skip], same, trials, void), 3)
	for _, s := range b.Steps {
		if s.Mark == compare.Skip {
			add("  skipped  ", "           ", s.Commit[:12]+": "+s.Why, 2)
		}
	}
	text := fmt.Sprintf("%s, %d baud", b.Board, b.Baud)
	if b.CPUs > 0 {
		text += fmt.Sprintf(", %d cpus, wire %s; %d courses, by %s", b.CPUs, b.Mode, b.Ensemble.Courses, b.Ensemble.How)
	}
	add("  board    ", "           ", text, 2)
	add("  policy   ", "           ", b.Policy.Name+" in "+strings.Join(b.Policy.Scenarios, ", "), 2)
	add("  command  ", "           ", b.Command, 3)
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

func pad(word string) string { return fmt.Sprintf("%-9s", word) }

// commit names a commit: its digits and, if it was tried, its subject.
func commit(b *compare.Bisect, id string) string {
	text := id[:12]
	if s := b.Step(id); s != nil {
		text += " " + s.Subject
	}
	return text
}

// grades are the lines that say how a commit was graded, or the one with the same kernel. A folder is never cut.
func grades(b *compare.Bisect, id string) (lines []string) {
	s := b.Step(id)
	if s == nil {
		return nil
	}
	if s.Same != "" {
		lines = append(lines, strings.Repeat(" ", 11)+"the same kernel as "+s.Same[:12])
		s = b.Step(s.Same)
	}
	for _, g := range s.Grades {
		if g.Letter == "" {
			lines = append(lines, fmt.Sprintf("           %s: no letter", g.Scenario))
			continue
		}
		lines = append(lines, fmt.Sprintf("           %s: %s in %d of %d courses", g.Scenario, g.Letter, g.Courses, g.Of), "           "+g.Dir)
	}
	return lines
}
