// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"slices"

	"lastpage/dut"
)

// steps are the triggers of a scenario's own steps. base are those of the trial; a step that comes after one which is not among them is left
// out, and so is one of which only a reference can tell the moment, where there is none yet.
func (s *Scenario) steps(base []dut.Trigger, pending int64, symbols map[string]uint64) ([]dut.Trigger, error) {
	var all []dut.Trigger
	there := func(name string) bool {
		is := func(t dut.Trigger) bool { return t.Name == name }
		return slices.ContainsFunc(base, is) || slices.ContainsFunc(all, is)
	}
	for _, x := range s.Steps {
		after := x.After
		if after == "" {
			after = trigProvoke
		}
		if !there(after) || x.At.needsReference() && symbols == nil && pending < 0 {
			continue
		}
		t, err := x.At.trigger(x.Do, pending, symbols)
		if err != nil {
			return nil, err
		}
		t.Name, t.After, t.Break, t.Bytes = x.Name, after, x.Break, x.Keys
		all = append(all, t)
	}
	return all, nil
}

// Moments are the names of a trial's own moments that a step may come after.
func Moments() []string { return []string{trigProvoke, trigInject, trigDone, trigEnd} }

// symbols are the names of kernel functions that an order asks the guest about: those of the subject, and what the user named beside them.
func (o *Series) symbols(s *Subject) []string {
	var own []string
	for _, in := range o.Injects {
		own = append(own, in.symbol())
	}
	for _, x := range o.Scenario.Steps {
		own = append(own, x.At.symbol())
	}
	own = append(own, o.Scenario.Before)
	if !slices.ContainsFunc(own, func(n string) bool { return n != "" }) {
		return nil
	}
	names := slices.Clone(s.Names)
	for _, n := range own {
		if n != "" && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// symbol is the name of the function that in waits for; "" if it waits for none.
func (in Inject) symbol() string {
	if in.At == "symbol" {
		return in.Text
	}
	return ""
}
