// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"testing"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/grade"
)

// sec is a section with 100 bytes a record; expected < 0 is unknown.
func sec(expected, stored, wire int) *grade.Section {
	c := func(n int) *grade.Count { return &grade.Count{Records: n, Bytes: 100 * int64(n)} }
	s := &grade.Section{Stored: c(stored), Wire: c(wire), Fates: grade.Fates{Stored: stored, Intact: wire}}
	if expected >= 0 {
		s.Expected = c(expected)
	}
	return s
}

func TestRunTable(t *testing.T) {
	mk := func(letter string, warn, backlog *grade.Section, pending int64, void ...string) *grade.Grade {
		g := &grade.Grade{Letter: letter, Void: void, Sections: map[string]*grade.Section{grade.Warn: warn, grade.Backlog: backlog, grade.Panic: sec(0, 0, 0)}}
		if pending > 0 {
			g.PendingAtProvoke = &grade.Count{Records: 1, Bytes: pending}
		}
		return g
	}
	void := []harness.Voided{{Dir: "d", Why: []string{"late"}}}
	r := &compare.Run{Scenario: "warn", Status: harness.Finished, Rows: []*compare.Row{
		{Strategy: "legacy", Courses: []*compare.CourseRow{{Graded: []*grade.Grade{mk("F", sec(31, 1, 1), sec(600, 600, 600), 55000), mk("F", sec(31, 2, 2), sec(600, 600, 600), 54000), mk("D", sec(31, 31, 20), sec(600, 600, 599), 53000)}}}},
		{Strategy: "a strategy with a very long name", Courses: []*compare.CourseRow{{Graded: []*grade.Grade{mk("A", sec(31, 31, 31), sec(600, 600, 600), 0)}, Voids: void}}},
		{Strategy: "unknown", Courses: []*compare.CourseRow{{Graded: []*grade.Grade{mk("", sec(-1, 3, 3), sec(0, 0, 0), 0)}}}},
		{Strategy: "void", Courses: []*compare.CourseRow{{Voids: void}}},
		{Strategy: "cannot", Fault: compare.Cannot, Why: "no NMI here"},
		{Strategy: "dead", Fault: compare.KernelsFault, Why: "died"},
	}}
	var b strings.Builder
	if err := runTable(r).Text(&b); err != nil {
		t.Fatal(err)
	}
	want := `                        pending backlog          warn       panic
strategy         grade    bytes   store  wire   store  wire store  wire
legacy           D..F     54000   100.0 100.0     6.5   6.5     -     -
a strategy with~ A            ?   100.0 100.0   100.0 100.0     -     - 1v
unknown          ?            ?       -     -       ?     ?     -     -
void             void         ?       -     -       -     -     -     - 1v
cannot           cannot       ?       -     -       -     -     -     -
dead             dead         ?       -     -       -     -     -     -
store, wire: % of the expected bytes, median of the trials; - not expected,
? unknown; pending at the provocation; nv: n trials void
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	for l := range strings.Lines(b.String()) {
		if len(l) > Width+1 {
			t.Errorf("%d columns: %q", len(l)-1, l)
		}
	}
}
