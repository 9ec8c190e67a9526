// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/gate"
)

// mailLines is how many lines a gate takes in a mail at most.
const mailLines = 20

// telling is how many lines of evidence a gate shows.
const telling = 3

// part is a text that takes so many lines at most.
type part struct {
	first, rest, text string
	most              int
}

// Gate prints a gate for a mail: why, the most telling lines, and what was compared.
func Gate(w io.Writer, g *compare.Gate) error {
	parts := []part{{"", "", strings.ToUpper(g.Decision.Verdict.String()) + ": " + g.Decision.Why, 4}, {}}
	add := func(name, text string, most int) {
		parts = append(parts, part{fmt.Sprintf("  %-9s", name), "           ", text, most})
	}
	if all := Telling(g); len(all) > 0 {
		for _, t := range all {
			parts = append(parts, part{"  ", "    ", t, 1})
		}
		parts = append(parts, part{})
	}
	if d := g.Decision; d.Missing != nil {
		add("missing", fmt.Sprintf("%d courses more of each side would decide, if the shares stay", *d.Missing), 1)
	}
	if len(g.Reworded) > 0 {
		add("reworded", reworded(g.Reworded), 2)
	}
	add("base", variant(&g.Base), 2)
	add("head", variant(&g.Head), 3)
	add("board", board(g), 2)
	if g.Fault == "" {
		add("tried", tried(g), 3)
	}
	add("policy", fmt.Sprintf("%s; errors: fails what is no worse in %.3g %%, passes %.3g %% of harm in %.3g %%", g.Policy.Name,
		100*g.Policy.Test.Alpha, 100*g.Policy.Test.P1, 100*g.Policy.Test.Beta), 2)
	add("command", g.Command, mailLines)
	_, err := fmt.Fprintln(w, strings.Join(fit(parts, mailLines), "\n"))
	return err
}

// fit breaks the parts into so many lines at most: the longest gives way, of equals the last one.
func fit(parts []part, most int) (lines []string) {
	for {
		lines = nil
		long, at := 1, -1
		for i, p := range parts {
			all := wrap(p.first, p.rest, p.text, p.most)
			if lines = append(lines, all...); len(all) > 1 && len(all) >= long {
				long, at = len(all), i
			}
		}
		if len(lines) <= most || at < 0 {
			return lines
		}
		parts[at].most = long - 1
	}
}

// Telling are the lines that say most about the verdict, at most three.
func Telling(g *compare.Gate) (all []string) {
	keep := func(text string) {
		if len(all) < telling {
			all = append(all, text)
		}
	}
	if g.Decision.Verdict != gate.Pass {
		for _, f := range g.Flips {
			first := ""
			if len(f.Records) > 0 {
				first = ": " + f.Records[0]
			}
			keep(fmt.Sprintf("course %d, %s, %s: %d records lack%s", f.Course, f.Moment, f.That, f.Lacks, first))
		}
	}
	for i := range g.Decision.Findings {
		f := &g.Decision.Findings[i]
		if i == 0 && g.Decision.Verdict != gate.Pass {
			continue // it is the reason above
		}
		if f.Head != nil && f.Head.Of == 0 {
			continue // it says nothing
		}
		keep(finding(f))
	}
	return all
}

// finding is a finding in one line, with what was not seen.
func finding(f *gate.Finding) string {
	switch {
	case f.Rule == "must" && f.Head != nil && f.Bound != nil:
		return fmt.Sprintf("%s: base %s, head %s; %.1f %% of bad courses not excluded", name(f), f.Base, f.Head, 100**f.Bound)
	case f.Base != nil && f.Head != nil:
		text := fmt.Sprintf("%s: base %s, head %s", name(f), f.Base, f.Head)
		if f.Bound != nil {
			text += fmt.Sprintf("; worse by %.1f %% not excluded", 100**f.Bound)
		}
		return text
	}
	return f.String()
}

// reworded says how many records only one of the kernels has, and the first that is head's.
func reworded(all []*compare.Reworded) string {
	base, head := 0, 0
	text := all[0].Text
	for _, r := range all {
		if r.In == compare.BaseName {
			base++
			continue
		}
		if head++; head == 1 {
			text = r.Text
		}
	}
	return fmt.Sprintf("%s only in base, %d only in head: %s", records(base), head, text)
}

func name(f *gate.Finding) string {
	if f.That == "" {
		return f.Rule
	}
	return f.That
}

func variant(v *compare.Variant) string {
	text := v.Asked
	if v.Release != "" {
		text += ", Linux " + v.Release
	}
	if len(v.Patches) > 0 {
		text += ", with " + strings.Join(v.Patches, ", ")
	}
	for _, what := range []string{"tree", "commit"} {
		if o := v.Origin[what]; o != "" {
			text += ", " + what + " " + o
		}
	}
	return text
}

func board(g *compare.Gate) string {
	text := fmt.Sprintf("%s, %d baud", g.Board, g.Baud)
	if g.CPUs > 0 {
		text += fmt.Sprintf(", %d cpus, wire %s", g.CPUs, g.Mode)
	}
	return text
}

func tried(g *compare.Gate) string {
	if len(g.Scenarios) == 0 {
		return "nothing: the kernels are equal"
	}
	var all []string
	for _, s := range g.Scenarios {
		void := "no trial void"
		if s.Voids[0]+s.Voids[1] > 0 {
			void = fmt.Sprintf("void base %d of %d, head %d of %d", s.Voids[0], s.Tried[0], s.Voids[1], s.Tried[1])
		}
		look := ""
		if s.Look == 2 {
			look = " (the second look)"
		}
		all = append(all, fmt.Sprintf("%s: N %d courses%s, %d moments in each, %s", s.Scenario, s.Courses, look, len(s.Moments), void))
	}
	how := string(g.Ensemble.How)
	if g.Ensemble.How == harness.Branched {
		how += " of one boot"
	}
	if g.Ensemble.Seed > 0 {
		how += fmt.Sprintf(", seed %d", g.Ensemble.Seed)
	}
	return strings.Join(all, "; ") + " (" + how + ")"
}

// wrap breaks a text between words into at most so many lines of Width columns; what does not fit is cut.
func wrap(first, rest, text string, most int) (lines []string) {
	line, empty := first, true
	for _, word := range strings.Fields(text) {
		blank := " "
		if empty {
			blank = ""
		}
		if !empty && utf8.RuneCountInString(line+blank+word) > Width && len(lines)+1 < most {
			lines, line, blank = append(lines, line), rest, ""
		}
		line, empty = line+blank+word, false
	}
	if r := []rune(line); len(r) > Width {
		line = string(r[:Width-1]) + "~"
	}
	return append(lines, line)
}
