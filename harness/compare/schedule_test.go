// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"context"
	"fmt"
	"testing"

	"lastpage/dut"
	"lastpage/harness"
)

// resting is a bench that only says when it may rest.
type resting struct{ rest func() }

func (r *resting) Can(*harness.Order) error                                 { return nil }
func (r *resting) Open(context.Context, *harness.Order) (*dut.Board, error) { return nil, nil }
func (r *resting) Rest()                                                    { r.rest() }

// Two workers are on two subjects while there are two, every cell is dealt once, and a subject is freed after its last cell.
func TestSchedule(t *testing.T) {
	freed := map[string]int{}
	d := newSchedule[harness.Scenario]()
	for _, name := range []string{"a", "b", "c"} {
		s := &harness.Subject{Strategy: name, Bench: &resting{func() { freed[name]++ }}}
		for i := range 3 {
			d.add(s, harness.Scenario{Name: fmt.Sprint(i)})
		}
	}
	seen := map[string]int{}
	take := func(worker int, want string) job[harness.Scenario] {
		t.Helper()
		j, ok := d.next(worker)
		if !ok || j.s.Strategy != want {
			t.Fatalf("worker %d is on %q, %v; want %q", worker, j.s.Strategy, ok, want)
		}
		seen[j.s.Strategy+j.what.Name]++
		return j
	}
	done := func(j job[harness.Scenario]) {
		if d.done(j) {
			j.s.Bench.Rest()
		}
	}
	x, y := take(0, "a"), take(1, "b")
	for range 2 {
		done(x)
		x = take(0, "a")
	}
	done(x)
	if freed["a"] != 1 || freed["b"] != 0 {
		t.Errorf("freed %v", freed)
	}
	x = take(0, "c")
	for range 2 {
		done(y)
		y = take(1, "b")
	}
	done(y)
	y = take(1, "c") // nobody else is left: it helps
	done(x)
	x = take(0, "c")
	done(y)
	if _, ok := d.next(1); ok || freed["c"] != 0 {
		t.Errorf("more than there was, or freed too early: %v", freed)
	}
	done(x)
	if len(seen) != 9 || freed["a"]*freed["b"]*freed["c"] != 1 {
		t.Errorf("dealt %v, freed %v", seen, freed)
	}
}

// Alternating, two subjects take turns, the one that was second first in the next pair.
func TestScheduleTurns(t *testing.T) {
	d := newSchedule[int]()
	d.turns = true
	for _, name := range []string{"base", "head"} {
		s := &harness.Subject{Strategy: name, Bench: &resting{func() {}}}
		for i := range 4 {
			d.add(s, i)
		}
	}
	order := ""
	for j, ok := d.next(0); ok; j, ok = d.next(0) {
		order += fmt.Sprint(j.s.Strategy[:1], j.what, " ")
	}
	if order != "b0 h0 h1 b1 b2 h2 h3 b3 " {
		t.Error(order)
	}
}
