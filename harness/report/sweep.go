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

// Points is every point of a sweep, for sweep.tsv.
func Points(sw *compare.Sweep) *Table {
	t := &Table{Head: [][]string{{"inject", "byte", "ns", "warn_stored", "warn_wire", "backlog_stored", "backlog_wire", "panic_stored", "panic_wire",
		"letter", "void"}}}
	for _, p := range sw.Points {
		line := []string{p.Inject, fmt.Sprint(p.Byte), fmt.Sprint(p.NS)}
		for _, s := range []compare.Stage{p.Warn, p.Backlog, p.Panic} {
			line = append(line, fmt.Sprint(s.Stored), fmt.Sprint(s.Wire))
		}
		t.Rows = append(t.Rows, append(line, p.Letter, strings.Join(p.Void, "; ")))
	}
	return t
}

func cpus(n int) string {
	if n == 1 {
		return "1 CPU"
	}
	return fmt.Sprintf("%d CPUs", n)
}

// maxStretches are printed, about.
const maxStretches = 24

// Sweep prints a sweep in few lines: where the whole WARN is stored, and the curve where it changes.
func Sweep(w io.Writer, sw *compare.Sweep) error {
	var b strings.Builder
	want := sw.Expected[grade.Warn].Records
	fmt.Fprintf(&b, "%s: Linux %s (%s), %s, %d baud\n", sw.Strategy, sw.Release, sw.Console, cpus(sw.CPUs), sw.Baud)
	fmt.Fprintf(&b, "wire %s; %s; a WARN has %d records\n", sw.Mode, sw.Scenario, want)
	fmt.Fprintf(&b, "backlog %d records of %d bytes; %.0f s of trials\n", sw.Backlog, sw.RecordLen, sw.Took.Seconds())
	fmt.Fprintf(&b, "%d points by %s over %d bytes of wire, %.1f ms; %d void\n", len(sw.Points), sw.By, sw.Span, float64(sw.SpanNS)/1e6, sw.Voids)
	if sw.Status != harness.Finished {
		fmt.Fprintf(&b, "UNFINISHED: %d points were to be done\n", sw.Wanted)
	}
	for _, f := range []struct {
		what string
		at   *compare.Edge
	}{{"stored", sw.WarnStored}, {"sent", sw.WarnSent}} {
		at := "?, not all points were reached"
		switch {
		case f.at != nil && f.at.Never:
			at = "at no point"
		case f.at != nil:
			at = fmt.Sprintf("from byte %d, %.4f ms on", f.at.Byte, float64(f.at.NS)/1e6)
			if f.at.NotAt != nil {
				at += fmt.Sprintf("; not at %.4f ms", float64(*f.at.NotAt)/1e6)
			}
		}
		fmt.Fprintf(&b, "whole WARN %s: %s\n", f.what, at)
	}
	t := &Table{Least: []int{8, 10, 6, 5, 6, 5, 6, 5, 6}, Head: [][]string{
		{"interrupted", "", "warn", "", "backlog", "", "panic", "", ""},
		{"byte", "ms", "store", "wire", "store", "wire", "store", "wire", "points"}}}
	rows := sw.Stretches()
	left := 0
	for i, r := range rows {
		// All of them where there is room, else the long ones, the ends and some between.
		long := r.Points*maxStretches >= len(sw.Points)
		if step := (len(rows) + maxStretches - 1) / maxStretches; !long && i%step != 0 && i != len(rows)-1 {
			left++
			continue
		}
		p := r.First
		line := []string{fmt.Sprint(p.Byte), fmt.Sprintf("%.3f", float64(p.NS)/1e6)}
		for _, s := range []compare.Stage{p.Warn, p.Backlog, p.Panic} {
			line = append(line, fmt.Sprint(s.Stored), fmt.Sprint(s.Wire))
		}
		line = append(line, fmt.Sprint(r.Points))
		if len(p.Void) > 0 {
			line = append(line, "void")
		}
		t.Rows = append(t.Rows, line)
	}
	t.Notes = []string{"a row is the first of so many points with the same WARN and backlog"}
	if left > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%d rows are left out here, sweep.tsv has every point", left))
	}
	b.WriteString("\n")
	if err := t.Text(&b); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}
