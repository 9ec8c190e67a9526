// SPDX-License-Identifier: Apache-2.0

package match

import (
	"strings"
	"testing"

	"lastpage/harness/gaps"
	"lastpage/harness/grade"
)

func TestKeepItsRate(t *testing.T) {
	graded := func(p *gaps.Pace) *grade.Grade {
		return &grade.Grade{Letter: "A", Sections: map[string]*grade.Section{grade.Boot: {Wire: &grade.Count{}, Pace: p}}}
	}
	m := KeepItsRate(11520, 0.001, grade.Boot)
	for _, tt := range []struct {
		name string
		pace gaps.Pace
		says string // "": it is well
	}{
		{"every byte in time", gaps.Pace{Bytes: 20000, Rate: 11519.9}, ""},
		{"slow on the whole", gaps.Pace{Bytes: 20000, Rate: 11500, OverShort: 90, Worst: &gaps.Gap{NS: 200_000, Byte: 7}}, "11500.0 bytes/s"},
		{"faster than its frames allow", gaps.Pace{Bytes: 20000, Rate: 11600}, "11600.0 bytes/s"},
		{"one long gap that the mean forgives", gaps.Pace{Bytes: 90000, Rate: 11518, OverShort: 1, OverLong: 1, Worst: &gaps.Gap{NS: 1_500_000, Byte: 77}},
			"1.500 ms before byte 77"},
	} {
		g := graded(&tt.pace)
		ok, err := m.Match(g)
		if err != nil || ok != (tt.says == "") {
			t.Errorf("%s: %v %v", tt.name, ok, err)
		}
		if said := m.FailureMessage(g); !ok && !strings.Contains(said, tt.says) {
			t.Errorf("%s: it does not say %q:\n%s", tt.name, tt.says, said)
		}
	}
	if _, err := m.Match(graded(nil)); err == nil {
		t.Error("no error about a wire without times")
	}
}
