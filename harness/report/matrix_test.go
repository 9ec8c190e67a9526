// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strings"
	"testing"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/grade"
)

// A matrix survives a mail whatever its names and figures, has a cell for everything, and can be read back to go on.
func TestMatrixText(t *testing.T) {
	for _, n := range []int{2, 33} {
		m := &compare.Matrix{Schema: compare.MatrixSchema, Board: "qemu", Baud: 115200, Backlog: 600, RecordLen: 80}
		for i := range n {
			m.Strategies = append(m.Strategies, compare.Column{Name: fmt.Sprintf("explicit+printk.flush_points=%d", i), Release: "7.3.4+deb13-cloud-amd64", Console: "nbcon",
				CPUs: 2, Mode: "concurrent"})
		}
		for _, s := range harness.Scenarios() {
			m.Scenarios = append(m.Scenarios, s.Name)
		}
		whole := &grade.Section{Expected: &grade.Count{Records: 18, Bytes: 1000}, Stored: &grade.Count{Records: 18, Bytes: 1000}, Wire: &grade.Count{Records: 18, Bytes: 999}}
		g := &grade.Grade{Sections: map[string]*grade.Section{grade.Backlog: whole, grade.Warn: {Wire: &grade.Count{}}, grade.Panic: whole},
			Delays: []grade.Delay{{From: "panic-call", To: "crash-exec", NS: 4_869_703_000, Bytes: 55734}}}
		for _, c := range m.Strategies[1:] {
			for _, sc := range harness.Scenarios() {
				words := &harness.Words{LastWire: strings.Repeat("long ", 30), Unsent: 581, Cut: 1, UnsentBefore: 581}
				m.Cells = append(m.Cells, &compare.Cell{Strategy: c.Name, Scenario: sc.Name, Dies: sc.Dies(), Delay: sc.Delay, Trials: []*compare.CellTrial{{Grade: g, Words: words}, {Grade: g, Words: &harness.Words{}}}})
			}
		}
		var b strings.Builder
		if err := Matrix(&b, m); err != nil {
			t.Fatal(err)
		}
		for l := range strings.Lines(b.String()) {
			if len(strings.TrimRight(l, "\n")) > Width {
				t.Errorf("%d columns: %q", len(l)-1, l)
			}
		}
		// 100 (15..100): two of two, by Clopper and Pearson
		for _, want := range []string{"99/-/99", "0..582 (581)", "100 (15..100)", "4869.703", " . "} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%d strategies: no %q in\n%.3000s", n, want, b.String())
			}
		}
	}
}

// Where courses disagree the cell is named, with the share of each outcome; where all agree that is said.
func TestMatrixOfCoursesThatDisagree(t *testing.T) {
	section := &grade.Section{Expected: &grade.Count{Records: 18, Bytes: 1000}, Stored: &grade.Count{Records: 18, Bytes: 1000}, Wire: &grade.Count{Records: 18, Bytes: 1000}}
	trial := func(course int, letter string) *compare.CellTrial {
		g := &grade.Grade{Letter: letter, Sections: map[string]*grade.Section{grade.Backlog: section, grade.Warn: section, grade.Panic: section}}
		return &compare.CellTrial{Course: course, Dir: fmt.Sprint(course), Grade: g, Words: &harness.Words{}}
	}
	for want, last := range map[string]string{"D 1/3, A 2/3": "D", "The courses of every cell that has letters agree": "A", "A 2/2, no letter in 1": ""} {
		m := &compare.Matrix{Schema: compare.MatrixSchema, Board: "qemu", Baud: 115200, Strategies: []compare.Column{{Name: "nbcon-rt", Repeats: true}}, Scenarios: []string{"panic"},
			Cells: []*compare.Cell{{Strategy: "nbcon-rt", Scenario: "panic", Trials: []*compare.CellTrial{trial(1, "A"), trial(1, "A"), trial(2, "A"), trial(3, "A"), trial(3, last)}}}}
		var b strings.Builder
		if err := Matrix(&b, m); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
