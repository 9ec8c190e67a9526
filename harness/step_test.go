// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/dut/duttest"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// own is a scenario in which a program of the user's provokes.
func own() Scenario {
	return Scenario{Name: "own", Survives: true, Interrupted: true, Provoke: plan.ProvokeNone, Run: &plan.Run{Argv: []string{"/own"}}, Expect: []string{grade.Warn}}
}

// A user's own provocation is told from the probe's, which rings right before it, and is graded as any other.
func TestOwnProvocation(t *testing.T) {
	o := &Series{Scenario: own(), Shape: &Shape{Backlog: 5, RecordLen: 60}, Injects: []Inject{{At: "share", Pct: 50}}}
	ref, trial, err := try(t, &scripted{inline: true}, o, "")
	if err != nil {
		t.Fatal(err)
	}
	if ref.IsVoid() || trial.IsVoid() {
		t.Fatalf("void: %v, %v", ref.Reasons(), trial.Reasons())
	}
	f, ok := ref.fired(trigProvoke)
	var rings []dut.Event
	for _, e := range ref.Events {
		if e.Code == plan.Provoked {
			rings = append(rings, e)
		}
	}
	if !ok || len(rings) != 2 || f.NS != rings[1].NS || rings[1].Arg != plan.RunArg {
		t.Errorf("it begins at %+v, the rings are %+v", f, rings)
	}
	if n := len(ref.Events) - len(ref.rung()); n != 2 {
		t.Errorf("%d events are the probe's own", n)
	}
	w := trial.Grade.Sections[grade.Warn]
	if w.Expected == nil || w.Expected.Records != 5 || w.Stored.Records != 1 || trial.Grade.PendingAtProvoke == nil {
		t.Errorf("WARN %+v, pending %+v", w, trial.Grade.PendingAtProvoke)
	}
}

// A reproducer that does not reproduce is nobody's loss.
func TestExpectedSection(t *testing.T) {
	b := &scripted{change: func(s *duttest.Script) {
		s.Steps = slices.DeleteFunc(s.Steps, func(x duttest.Step) bool { return x.Store != nil && x.Store.Level == 4 })
	}}
	o := &Series{Scenario: own(), Shape: &Shape{Backlog: 5, RecordLen: 60}}
	ref, err := o.Trial(t.Context(), subjectOn(b), Try{Reference: true}, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(ref.Reasons()) != 1 || !strings.Contains(ref.Reasons()[0], `expects a section "warn"`) {
		t.Errorf("reasons: %q", ref.Reasons())
	}
}

// A machine that was told to panic and went on as if nothing was: the trial says nothing about its panic.
func TestInterruptionThatDoesNothing(t *testing.T) {
	for _, scenario := range []string{"nmi-panic", "break-panic"} {
		b := &scripted{}
		b.change = func(s *duttest.Script) {
			if b.opened > 0 { // not the reference
				s.NMI = []duttest.Step{{Flush: true}}
			}
		}
		_, trial, err := try(t, b, series(t, scenario, "byte:100"), "")
		if err != nil {
			t.Fatal(err)
		}
		if why := strings.Join(trial.Reasons(), "; "); !strings.Contains(why, "the interruption (byte:100) did nothing") {
			t.Errorf("%s: void because of %q", scenario, why)
		}
	}
}

// A section whose records were sent, and overwritten afterwards, is there. What was neither stored nor sent may have been overwritten.
func TestExpectedSectionOverwritten(t *testing.T) {
	o := &Series{Scenario: own(), Shape: &Shape{Backlog: 5, RecordLen: 60}}
	ref, err := o.Trial(t.Context(), subjectOn(&scripted{}), Try{Reference: true}, filepath.Join(t.TempDir(), "trial"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sent bool
		want string
	}{{true, ""}, {false, "records were overwritten"}} {
		in, err := ref.evidence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range in.Ring.Records {
			if r := &in.Ring.Records[i]; r.Level == 4 {
				r.Text, r.TextLen, r.State, r.Data = nil, 0, ring.Reusable, ring.DataLost
				in.Ring.Overwritten++
			}
		}
		if in.Ring.Overwritten == 0 {
			t.Fatal("the ringbuffer has no WARN")
		}
		if !c.sent {
			in.Wire = wire.NewLog(wire.Virtual, in.Wire.Frame())
		}
		why := strings.Join(ref.make(in).Void, "; ")
		if why == "" != (c.want == "") || !strings.Contains(why, c.want) {
			t.Errorf("sent %v: void because of %q, want %q", c.sent, why, c.want)
		}
	}
}

// Steps are triggers after the moment that they name. In a reference there is no interruption, and no symbol is known yet.
func TestSteps(t *testing.T) {
	s := own()
	s.Steps = []Step{
		{Name: "typed", At: Inject{At: "time", Time: time.Second}, Do: dut.Send, Break: true, Keys: "h"},
		{Name: "off", At: Inject{At: "pattern", Text: "Kernel panic"}, After: trigInject, Do: dut.PowerCut},
		{Name: "here", At: Inject{At: "symbol", Text: "own_function", N: 3}, After: "typed", Do: dut.Note},
	}
	o := &Series{Scenario: s, Shape: &Shape{Backlog: 5, RecordLen: 60}, Injects: []Inject{{At: "byte", N: 7}}}
	sub := subjectOn(&scripted{})
	if got := o.symbols(sub); !slices.Equal(got, []string{"vpanic", "own_function"}) {
		t.Errorf("the guest is asked for %q", got)
	}
	for _, c := range []struct {
		try  Try
		want []string
	}{
		{Try{Reference: true}, []string{"typed"}},
		{Try{Inject: &o.Injects[0], Ref: standIn(o.symbols(sub))}, []string{"typed", "off", "here"}},
	} {
		order, err := o.Order(sub, c.try)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := dut.Order(order.Triggers); err != nil {
			t.Error(err)
		}
		var got []string
		for _, x := range order.Triggers {
			for _, own := range s.Steps {
				if x.Name != own.Name {
					continue
				}
				got = append(got, x.Name)
				if x.Do != own.Do || x.Break != own.Break || x.Bytes != own.Keys || own.Name == "here" && (x.Addr == 0 || x.After != "typed" || x.N != 3) {
					t.Errorf("%+v", x)
				}
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.try, got, c.want)
		}
	}
	if !s.WantsReference() {
		t.Error("a symbol wants a reference")
	}
}
