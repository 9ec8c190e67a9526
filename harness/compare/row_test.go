// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"lastpage/harness/gate"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// Of one outcome all courses are told: how many records they stored, and who printed when the trouble began.
func TestKinds(t *testing.T) {
	course := func(letter string, stored int, writer, cpu *int) *CourseRow {
		return &CourseRow{Trials: []string{"t"}, Graded: []*grade.Grade{{Letter: letter,
			Sections: map[string]*grade.Section{grade.Warn: {Expected: &grade.Count{Records: 31}, Stored: &grade.Count{Records: stored}}},
			Events:   []grade.GradeEvent{{Code: int(plan.Armed)}, {Code: int(plan.Provoked), Writer: writer, CPU: cpu}}}}}
	}
	zero, one := 0, 1
	r := &Row{Courses: []*CourseRow{course("F", 3, &one, &zero), course("A", 31, &zero, &zero), course("F", 1, &one, &zero),
		course("F", 2, nil, nil), {Trials: []string{}}}}
	want := []Kind{
		{Letter: "F", Warn: &Range{1, 3}, Courses: 3, Of: 4, Share: gate.Share(3, 4), Dir: "t", Printed: []Printed{{Writer: 1, Trouble: 0, Courses: 2}}},
		{Letter: "A", Warn: &Range{31, 31}, Courses: 1, Of: 4, Share: gate.Share(1, 4), Dir: "t", Printed: []Printed{{Writer: 0, Trouble: 0, Courses: 1}}},
	}
	if d := cmp.Diff(want, r.Kinds()); d != "" {
		t.Error(d)
	}
}
