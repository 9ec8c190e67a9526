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
