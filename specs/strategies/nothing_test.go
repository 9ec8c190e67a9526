// SPDX-License-Identifier: Apache-2.0

package strategies_test

import (
	"testing"

	"lastpage/dut"
	"lastpage/harness"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// A trial in which nothing was measured neither keeps nor breaks any promise. These need no kernel and always run.
func TestNothingMeasured(t *testing.T) {
	empty := func() *grade.Grade {
		g := &grade.Grade{Sections: map[string]*grade.Section{}}
		for _, n := range grade.Names {
			g.Sections[n] = new(grade.Section)
		}
		return g
	}
	var all []dut.Event
	for c := plan.Armed; c <= plan.Mark; c++ {
		all = append(all, dut.Event{Code: c})
	}
	said := empty()
	for _, s := range said.Sections {
		s.Stored = &grade.Count{Records: 3, Bytes: 100}
	}
	unsent := empty()
	for _, s := range unsent.Sections {
		s.Stored, s.Complete = &grade.Count{Records: 3, Bytes: 100}, true
	}
	for _, p := range promises {
		for name, trial := range map[string]*harness.Trial{
			"nothing at all":               {Grade: empty()},
			"every event, no ring":         {Grade: empty(), Events: all},
			"records, no event, no folder": {Grade: said},
			"no wire":                      {Grade: unsent, Events: all},
		} {
			if v := p.judge(t.Context(), trial); v.is != isUnknown {
				t.Errorf("%s: %s: %s, %s", p.text, name, v.is, v.why)
			}
		}
	}
}

func TestTogether(t *testing.T) {
	k, b, u := kept("k"), broken("b"), unknown("u")
	for _, tt := range []struct {
		vs   []verdict
		want verdict
	}{
		{nil, verdict{isUnknown, "no trial"}},
		{[]verdict{k, k}, verdict{isKept, "k (2 of 2 trials)"}},
		{[]verdict{k, b, k}, verdict{isBroken, "b (1 of 3 trials)"}},
		{[]verdict{b, u, k}, verdict{isUnknown, "u (1 of 3 trials)"}},
		{[]verdict{broken("first"), broken("second")}, verdict{isBroken, "first (2 of 2 trials)"}},
	} {
		if got := together(tt.vs); got != tt.want {
			t.Errorf("%v: got %v, want %v", tt.vs, got, tt.want)
		}
	}
}
