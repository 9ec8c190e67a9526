// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"context"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"lastpage/capture/ring"
	"lastpage/dut/duttest"
	"lastpage/harness"
	"lastpage/harness/gate"
	"lastpage/kernels/plan"
)

// gateOrder is a gate of the default policy on the scripted board.
func gateOrder(t *testing.T, f *Folder, policy string) GateOrder {
	t.Helper()
	p, err := gate.LoadPolicy(policy)
	if err != nil {
		t.Fatal(err)
	}
	p.Moments = []string{"share:50%"}
	s := small(t, "warn-nmi-panic")
	return GateOrder{Scenarios: []harness.Scenario{s.Scenario}, Policy: p, Ensemble: Ensemble{Courses: 8, Seed: 1, How: harness.Branched}, Shape: s.Shape, Out: f}
}

// decided carries out a gate of two scripted kernels.
func decided(t *testing.T, ctx context.Context, o GateOrder, base, head *scripted) (*Gate, error) {
	t.Helper()
	g := &Gate{Board: "scripted", Baud: 115200, Base: Variant{Image: "b"}, Head: Variant{Image: "h"}}
	if err := g.Begin(&o); err != nil {
		t.Fatal(err)
	}
	return g, g.Execute(ctx, o, subjectOn(base), subjectOn(head), nil)
}

// A head that stores the whole WARN passes what base fails; the reverse fails, and the records that are gone are named.
func TestGate(t *testing.T) {
	g, err := decided(t, t.Context(), gateOrder(t, open(t, GateName), "complete"), &scripted{inline: true}, &scripted{})
	if err != nil || g.Decision.Verdict != gate.Pass || g.Status != harness.Finished {
		t.Fatalf("mended: %v, %+v", err, g.Decision)
	}
	g, err = decided(t, t.Context(), gateOrder(t, open(t, GateName), "complete"), &scripted{}, &scripted{inline: true})
	if err != nil || g.Decision.Verdict != gate.Fail || len(g.Flips) == 0 {
		t.Fatalf("harmed: %v, %+v", err, g.Decision)
	}
	for _, f := range g.Flips {
		if !f.Held || f.Lacks == 0 || len(f.Records) == 0 || f.Base == "" || f.Head == "" {
			t.Errorf("%+v", f)
		}
	}
	if len(g.Reworded) != 0 {
		t.Errorf("reworded: %+v", g.Reworded[0])
	}
	loaded, err := LoadGate(g.out.Dir)
	if err != nil || loaded.Decision.Verdict != gate.Fail || !reflect.DeepEqual(loaded.Flips, g.Flips) {
		t.Errorf("what was kept is another: %v", err)
	}
}

// A panic that does not come to its last record is a loss, though nobody knows what else it would have said. One that ends in other words is
// none.
func TestGateOfAPanicsEnd(t *testing.T) {
	end := func(s *duttest.Script) int {
		return slices.IndexFunc(s.NMI, func(st duttest.Step) bool {
			return st.Store != nil && strings.HasPrefix(string(st.Store.Text), "---[ end")
		})
	}
	say := func(text string) duttest.Step {
		return duttest.Step{Store: &ring.Record{Flags: ring.FlagNewline, Text: []byte(text)}}
	}
	for name, c := range map[string]struct {
		change   func(*duttest.Script)
		is       gate.Verdict
		why      string
		reworded int
	}{
		"other words": {func(s *duttest.Script) { s.NMI[end(s)] = say("---[ it has ended ]---") }, gate.Pass, "head breaks no rule", 2},
		"other words, and one before": {func(s *duttest.Script) {
			s.NMI = slices.Insert(s.NMI, end(s), say("my own words"))
			s.NMI[end(s)] = say("---[ it has ended ]---")
		}, gate.Pass, "head breaks no rule", 3},
		"other words, and the first too": {func(s *duttest.Script) {
			s.NMI[end(s)] = say("---[ it has ended ]---")
			s.NMI = append(s.NMI[:1:1], s.NMI[2:]...)
		}, gate.Unknown, "no pair of courses says: head has no record that is known as one of its panic (course 1)", 0},
		"gone": {func(s *duttest.Script) { at := end(s); s.NMI = slices.Delete(s.NMI, at, at+1) }, gate.Fail, "panic.ended >= 1: it holds in 8 of 8 courses of base and 0 of 8 of head", 0},
		"survived": {func(s *duttest.Script) {
			if len(s.NMI) > 0 {
				s.NMI = []duttest.Step{say("Uhhuh. NMI received for unknown reason 20 on CPU 0."), say("Dazed and confused, but trying to continue"), {Flush: true}}
			}
		}, gate.Fail, "panic.ended >= 1", 0},
	} {
		g, err := decided(t, t.Context(), gateOrder(t, open(t, GateName), "default"), &scripted{}, &scripted{change: c.change})
		if err != nil || g.Decision.Verdict != c.is || !strings.Contains(g.Decision.Why, c.why) || len(g.Reworded) != c.reworded {
			t.Errorf("%s: %v, %+v, %d reworded", name, err, g.Decision, len(g.Reworded))
		}
		if c.is == gate.Fail && (len(g.Flips) == 0 || g.Flips[0].Lacks == 0 || !strings.Contains(g.Flips[0].Records[len(g.Flips[0].Records)-1], "end Kernel panic")) {
			t.Errorf("%s: the end is not named: %+v", name, g.Flips)
		}
	}
}

// What a panic says in some courses only, and the state of the CPU, are no records in other words.
func TestGateOfWhatDependsOnTheCourse(t *testing.T) {
	noisy := func(odd int, also string) *scripted {
		b := &scripted{}
		b.change = func(s *duttest.Script) {
			for _, text := range []string{"Sending NMI from CPU 1 to CPUs 0:", also} {
				if len(s.NMI) > 0 && (text == also || b.opened/2%2 == odd) { // a reference, and its trial
					s.NMI = slices.Insert(s.NMI, 2, duttest.Step{Store: &ring.Record{Flags: ring.FlagNewline, Text: []byte(text)}})
				}
			}
		}
		return b
	}
	o := gateOrder(t, open(t, GateName), "default")
	o.Policy.Records = gate.RecordsFail
	g, err := decided(t, t.Context(), o, noisy(0, "Tainted: [W]=WARN"), noisy(1, "Tainted: [O]=OOT_MODULE"))
	if err != nil || g.Decision.Verdict != gate.Pass || len(g.Reworded) != 0 {
		t.Errorf("%v, %+v, %d reworded", err, g.Decision, len(g.Reworded))
	}
}

// Of equal kernels nothing is tried, unless something is asked of head alone: then only head is.
func TestGateOfEqualKernels(t *testing.T) {
	for policy, opened := range map[string][2]int{"default": {0, 0}, "complete": {0, 16}} {
		o := gateOrder(t, open(t, GateName), policy)
		base, head := &scripted{}, &scripted{}
		g := &Gate{Equal: true}
		if err := g.Begin(&o); err != nil {
			t.Fatal(err)
		}
		if err := g.Execute(t.Context(), o, subjectOn(base), subjectOn(head), nil); err != nil {
			t.Fatal(err)
		}
		if g.Decision.Verdict != gate.Pass || base.opened != opened[0] || head.opened != opened[1] {
			t.Errorf("%s: %v, opened %d and %d", policy, g.Decision.Verdict, base.opened, head.opened)
		}
	}
}

// A gate that was interrupted anywhere goes on to the same verdict, and no trial is made twice.
func TestGateResumes(t *testing.T) {
	order := func(f *Folder) GateOrder {
		o := gateOrder(t, f, "default")
		o.Ensemble.Courses = 5
		return o
	}
	whole, err := decided(t, t.Context(), order(open(t, GateName)), &scripted{}, &scripted{inline: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []int{0, 3, 9} {
		f := open(t, GateName)
		ctx, cancel := context.WithCancel(t.Context())
		base, head := &scripted{}, &scripted{inline: true, after: after, cancel: cancel}
		if _, err := decided(t, ctx, order(f), base, head); err == nil {
			t.Fatalf("after %d: it was not interrupted", after)
		}
		cut := 1
		head.cancel = nil
		g, err := decided(t, t.Context(), order(f), base, head)
		if err != nil || g.Decision.Verdict != whole.Decision.Verdict || g.Decision.Why != whole.Decision.Why || head.opened != 10+cut || base.opened > 11 {
			t.Errorf("after %d: %v, %+v, opened %d and %d", after, err, g.Decision, base.opened, head.opened)
		}
	}
}

// A gate with other courses is another gate: more of them cannot be added to one that did not please.
func TestGateRefusesMoreCourses(t *testing.T) {
	f := open(t, GateName)
	o := gateOrder(t, f, "default")
	o.Ensemble.Courses = 2
	if g, err := decided(t, t.Context(), o, &scripted{}, &scripted{}); err != nil || g.Decision.Verdict != gate.Unknown || g.Decision.Missing == nil {
		t.Fatalf("%v, %+v", err, g.Decision)
	}
	o.Ensemble.Courses = 8
	if err := new(Gate).Begin(&o); err == nil || !strings.Contains(err.Error(), "made with") {
		t.Errorf("%v", err)
	}
}

// Where the declared courses leave it open there is a second look with more of them, and only there; stopped in it, it goes on.
func TestGateLooksTwice(t *testing.T) {
	order := func(f *Folder) GateOrder {
		o := gateOrder(t, f, "default")
		o.Policy.Cap = 24
		o.Second = o.Policy.Second()
		return o
	}
	third := func(n int) bool { return n == 3 }
	for _, c := range []struct {
		name          string
		in            func(int) bool
		is            gate.Verdict
		look, courses int
	}{
		{"one harmed of 24", third, gate.Pass, 2, 24},
		{"it goes on to be harmed", func(n int) bool { return n == 3 || n > 8 }, gate.Fail, 2, 24},
		{"none harmed", func(int) bool { return false }, gate.Pass, 1, 8},
		{"all harmed", func(int) bool { return true }, gate.Fail, 1, 8},
	} {
		g, err := decided(t, t.Context(), order(open(t, GateName)), &scripted{}, &scripted{in: c.in})
		if err != nil || g.Decision.Verdict != c.is || g.Scenarios[0].Look != c.look || g.Scenarios[0].Courses != c.courses || g.Second != 24 {
			t.Errorf("%s: %v, %+v, look %d, %d courses", c.name, err, g.Decision, g.Scenarios[0].Look, g.Scenarios[0].Courses)
		}
	}
	one := order(open(t, GateName))
	one.Second = 0
	if g, err := decided(t, t.Context(), one, &scripted{}, &scripted{in: third}); err != nil || g.Decision.Verdict != gate.Unknown || g.Scenarios[0].Courses != 8 {
		t.Errorf("one look: %v, %+v", err, g.Decision)
	}
	f := open(t, GateName)
	ctx, cancel := context.WithCancel(t.Context())
	head := &scripted{in: third, after: 30, cancel: cancel}
	if _, err := decided(t, ctx, order(f), &scripted{}, head); err == nil {
		t.Fatal("it was not interrupted")
	}
	head.cancel = nil
	g, err := decided(t, t.Context(), order(f), &scripted{}, head)
	if err != nil || g.Decision.Verdict != gate.Pass || g.Scenarios[0].Courses != 24 || head.opened != 2*24+1 {
		t.Errorf("gone on with: %v, %+v, opened %d", err, g.Decision, head.opened)
	}
}

// On a board that never repeats itself courses come one after another, and end with the decision.
func TestGateSequential(t *testing.T) {
	o := gateOrder(t, open(t, GateName), "default")
	o.Sequential, o.Ensemble = true, Ensemble{Courses: 60, How: harness.OwnWay}
	g, err := decided(t, t.Context(), o, &scripted{}, &scripted{inline: true})
	if err != nil || g.Decision.Verdict != gate.Fail || g.Scenarios[0].Courses >= 60 || g.Scenarios[0].Courses < 5 {
		t.Errorf("%v, %+v after %d courses", err, g.Decision, g.Scenarios[0].Courses)
	}
	// One on which nothing counts is given up.
	o.Out = open(t, GateName)
	g, err = decided(t, t.Context(), o, &scripted{}, &scripted{change: func(s *duttest.Script) { s.Void = []string{"overrun"} }})
	if err != nil || g.Decision.Verdict != gate.Unknown || g.Scenarios[0].Courses != blindCourses {
		t.Errorf("%v, %+v after %d courses", err, g.Decision, g.Scenarios[0].Courses)
	}
}

// A head that dies in its boot fails after one course; one that never comes to its trial fails by the test; a board that cannot is unknown.
func TestGateFaults(t *testing.T) {
	dies := func(s *duttest.Script) {
		s.Steps, s.Said, s.EndBy = []duttest.Step{{Say: "Kernel panic - not syncing: no init\r\n"}}, nil, "guest-reset"
	}
	hangs := func(s *duttest.Script) { s.Steps, s.Said = []duttest.Step{{Say: "Linux version 1.0\r\n"}}, nil }
	spoilt := func(s *duttest.Script) { s.Void = []string{"overrun"} }
	// A line on which somebody says something again and again.
	floods := func(s *duttest.Script) {
		for range 500 {
			s.Steps = append(s.Steps, duttest.Step{After: 300_000_000, Say: "."})
		}
	}
	// The same, and whoever is flushing has no end of it.
	stuck := func(s *duttest.Script) {
		s.Steps = slices.DeleteFunc(s.Steps, func(st duttest.Step) bool { return st.Ring != nil && st.Ring.Code == plan.ProvokeDone })
		floods(s)
	}
	// Armed, and nothing follows.
	stands := func(s *duttest.Script) {
		s.Steps = s.Steps[:1+slices.IndexFunc(s.Steps, func(st duttest.Step) bool { return st.Ring != nil && st.Ring.Code == plan.Armed })]
	}
	lossy := func(s *duttest.Script) { floods(s); spoilt(s) }
	for _, c := range []struct {
		name   string
		base   *scripted
		head   *scripted
		is     gate.Verdict
		opened int // boards of head
		why    string
	}{
		{"dies", &scripted{}, &scripted{change: dies}, gate.Fail, 1, "head died before it could be tried"},
		{"base dies", &scripted{change: dies}, &scripted{}, gate.Unknown, 2, "base died"},
		{"hangs", &scripted{}, &scripted{change: hangs}, gate.Fail, 9, "head in 0 of 8 (Fisher's exact test: p 7.8e-05): the time of its trial was over before it was armed"},
		{"void", &scripted{}, &scripted{change: spoilt}, gate.Unknown, 8, "no pair of courses says"},
		{"floods", &scripted{}, &scripted{change: floods}, gate.Fail, 8, "head in 0 of 8 (Fisher's exact test: p 7.8e-05): reference: the line was not silent within 2m0s"},
		{"never comes back", &scripted{}, &scripted{change: stuck}, gate.Fail, 8, "reference: what was provoked did not end within"},
		{"stands when armed", &scripted{}, &scripted{change: stands}, gate.Fail, 8, "reference: nothing was provoked within"},
		{"both flood", &scripted{change: floods}, &scripted{change: floods}, gate.Unknown, 8, "no pair of courses says"},
		{"floods, and bytes were lost", &scripted{}, &scripted{change: lossy}, gate.Unknown, 8, "no pair of courses says"},
	} {
		g, err := decided(t, t.Context(), gateOrder(t, open(t, GateName), "default"), c.base, c.head)
		if err != nil || g.Decision.Verdict != c.is || !strings.Contains(g.Decision.Why, c.why) || c.head.opened != c.opened {
			t.Errorf("%s: %v, %+v, opened %d", c.name, err, g.Decision, c.head.opened)
		}
		if !harness.Exists(filepath.Join(g.out.Dir, GateName)) {
			t.Errorf("%s: no %s", c.name, GateName)
		}
	}
}
