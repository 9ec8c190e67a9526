// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"context"
	"fmt"
	"os"

	"lastpage/harness"
	"lastpage/harness/gate"
)

// Execute tries base and head and decides. Of equal kernels only head is tried, and only where the policy asks something of it alone: what is
// equal cannot be worse. A lab failure is an error; what was finished until then stays.
func (g *Gate) Execute(ctx context.Context, o GateOrder, base, head *harness.Subject, tell Progress) error {
	base.Strategy, head.Strategy = BaseName, HeadName
	subjects := []*harness.Subject{base, head}
	if g.Equal {
		if len(o.Policy.Must) == 0 {
			return g.end(&gate.Decision{Verdict: gate.Pass, Findings: []gate.Finding{},
				Why: "base and head are equal byte for byte, so their wires are: nothing can be worse, and nothing was tried"})
		}
		subjects = subjects[1:]
	}
	var all []gate.Scenario
	for _, sc := range o.Scenarios {
		or, err := o.order(sc)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(or.Out.Dir, 0o755); err != nil {
			return fmt.Errorf("gate: %w", err)
		}
		s, run, err := o.try(ctx, or, subjects, tell)
		if err != nil {
			return err
		}
		if err := g.keep(ctx, &s, run, or.Out.Dir); err != nil {
			return err
		}
		all = append(all, s)
		if err := g.save(); err != nil {
			return err
		}
	}
	d := gate.Decide(o.Policy, all)
	if err := g.flips(ctx, d, all); err != nil {
		return err
	}
	return g.end(d)
}

// keep adds what was tried in one scenario.
func (g *Gate) keep(ctx context.Context, s *gate.Scenario, run *Run, dir string) error {
	gr := &GateRun{Scenario: s.Name, Dir: dir, Moments: s.Moments, Courses: len(s.Courses), Look: max(1, s.Look), Alike: alike(*s), run: run}
	for _, c := range s.Courses {
		gr.Tried[0], gr.Tried[1] = gr.Tried[0]+c.Base.Tried, gr.Tried[1]+c.Head.Tried
		gr.Voids[0], gr.Voids[1] = gr.Voids[0]+c.Base.Void, gr.Voids[1]+c.Head.Void
	}
	g.Scenarios = append(g.Scenarios, gr)
	if len(run.Rows) > 0 { // what the board said of itself
		g.Mode, g.CPUs = run.Rows[0].Mode, run.Rows[0].CPUs
	}
	return g.reword(ctx, gr, s)
}

// try makes courses of one scenario: the first alone, as a kernel that is dead needs no more; then all of them, and those of the second look
// if only courses are lacking. Where the board never repeats itself it is one more at a time until the policy can decide.
func (o *GateOrder) try(ctx context.Context, or RunOrder, subjects []*harness.Subject, tell Progress) (s gate.Scenario, r *Run, err error) {
	n := o.Ensemble.Courses
	for k := min(1, n); ; {
		or.Ensemble.Courses = k
		r, err = Execute(ctx, or, subjects, tell)
		if err != nil {
			return s, r, err
		}
		if s, err = o.scenario(ctx, or, r); err != nil {
			return s, r, err
		}
		if s.Sequential = o.Sequential; o.Second > 0 {
			if s.Look = 1; k > n {
				s.Look = 2
			}
		}
		look := func() *gate.Decision { return gate.Look(o.Policy, s, len(o.Scenarios)) }
		switch {
		case s.Cannot != "" || dead(s):
			return s, r, nil
		case k < n && !o.Sequential:
			k = n
		case k < n && !blind(s) && look().Verdict == gate.Unknown:
			k++
		case k == n && o.Second > n && look().Open():
			k = o.Second
		default:
			return s, r, nil
		}
	}
}

func dead(s gate.Scenario) bool {
	for _, c := range s.Courses {
		if c.Head.Dead || c.Base.Dead {
			return true
		}
	}
	return false
}

// blindCourses is after how many courses of which nothing counts a board that never repeats itself is given up.
const blindCourses = 3

// blind: no trial of a moment counts, on one side at least.
func blind(s gate.Scenario) bool {
	if len(s.Courses) < blindCourses {
		return false
	}
	for _, of := range []func(*gate.Course) *gate.Side{func(c *gate.Course) *gate.Side { return &c.Base }, func(c *gate.Course) *gate.Side { return &c.Head }} {
		seen := false
		for i := range s.Courses {
			for _, g := range of(&s.Courses[i]).Grades {
				seen = seen || g != nil
			}
		}
		if !seen {
			return true
		}
	}
	return false
}
