// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"context"
	"fmt"
	"os"
	"slices"

	"lastpage/harness"
	"lastpage/harness/gate"
)

// Tried is one kernel in the scenarios and courses of a gate. It can be judged against any other that was tried by the same order.
type Tried struct {
	Rows []*Row // one for each scenario; fewer if the kernel was dead

	order  *GateOrder
	orders []RunOrder
}

// Try makes the courses of one kernel. A kernel that is dead is tried in no further scenario.
func (o *GateOrder) Try(ctx context.Context, s *harness.Subject, tell Progress) (*Tried, error) {
	t := &Tried{order: o}
	for _, sc := range o.Scenarios {
		or, err := o.order(sc)
		if err != nil {
			return nil, err
		}
		if err := os.MkdirAll(or.Out.Dir, 0o755); err != nil {
			return nil, fmt.Errorf("try %s: %w", s.Strategy, err)
		}
		got, run, err := o.try(ctx, or, []*harness.Subject{s}, tell)
		if err != nil {
			return nil, err
		}
		t.Rows, t.orders = append(t.Rows, run.Rows[0]), append(t.orders, or)
		if dead(got) {
			break
		}
	}
	return t, nil
}

// Against is the gate of base and this kernel, decided and kept nowhere. What base was not tried in is not judged.
func (t *Tried) Against(ctx context.Context, base *Tried) (*Gate, error) {
	o := t.order
	g := &Gate{Policy: o.Policy, Ensemble: o.Ensemble, Scenarios: []*GateRun{}, Flips: []*Flip{}, Reworded: []*Reworded{}}
	var all []gate.Scenario
	for i := range min(len(t.Rows), len(base.Rows)) {
		pair := &Run{Rows: []*Row{base.Rows[i].as(BaseName), t.Rows[i].as(HeadName)}}
		s, err := o.scenario(ctx, t.orders[i], pair)
		if err != nil {
			return nil, err
		}
		if err := g.keep(ctx, &s, pair, t.orders[i].Out.Dir); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	g.Decision = gate.Decide(o.Policy, all)
	return g, g.flips(ctx, g.Decision, all)
}

// as is the row under another name.
func (r *Row) as(name string) *Row {
	named := *r
	named.Strategy, named.Courses = name, slices.Clone(r.Courses)
	return &named
}
