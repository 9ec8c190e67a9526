// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Decision is what a gate says, with all that led to it.
type Decision struct {
	Verdict Verdict `json:"verdict"`
	Why     string  `json:"why"` // a sentence about the finding that decided
	// Findings are all rules in all scenarios, those that decided first.
	Findings []Finding `json:"findings"`
	// Missing is how many more courses of each side would decide, if their shares stayed; null: none, or no number would.
	Missing *int `json:"missing"`
}

// Finding is one rule in one scenario.
type Finding struct {
	Scenario string  `json:"scenario"`
	Rule     string  `json:"rule"` // must, not worse, comes to its trial, comes to its end, void trials, records, can be played
	That     string  `json:"that"` // condition of must and not worse
	Verdict  Verdict `json:"verdict"`
	Why      string  `json:"why"`
	Base     *Count  `json:"base"` // null: base was not asked; of must it decides nothing
	Head     *Count  `json:"head"`
	Harmed   int     `json:"harmed"` // pairs of courses: base held, head did not
	Mended   int     `json:"mended"` // the reverse
	// P is how often a head that is no worse would look so bad; null where a single course decides or nothing was tested.
	P *float64 `json:"p"`
	// Bound is the share of courses (must), or head's excess over base (not worse), that was not excluded: it is larger with a probability of
	// at most beta. null: nothing was seen.
	Bound   *float64 `json:"bound"`
	Unknown int      `json:"unknown"` // courses of which nobody knows
	Missing *int     `json:"missing"` // courses of each side; see Decision

	more  func() *int    // works Missing out
	bound func() float64 // and Bound, where courses came one after another
}

// Count is in how many of the known courses something held.
type Count struct {
	Hold int `json:"hold"`
	Of   int `json:"of"`
}

func (c Count) String() string { return fmt.Sprintf("%d of %d", c.Hold, c.Of) }

// Decide holds a policy against everything that was tried. It is a pure function: nothing is tried again until it passes.
func Decide(p *Policy, all []Scenario) *Decision {
	return p.decided(all, len(all))
}

// Look is the decision about one of so many scenarios.
func Look(p *Policy, s Scenario, of int) *Decision { return p.decided([]Scenario{s}, of) }

// Open says whether nothing but more courses is lacking.
func (d *Decision) Open() bool {
	for i := range d.Findings {
		if f := &d.Findings[i]; f.Verdict == Unknown && f.more == nil {
			return false
		}
	}
	return d.Verdict == Unknown && len(d.Findings) > 0
}

func (p *Policy) decided(all []Scenario, of int) *Decision {
	d := p.decide(all, of)
	for i := range d.Findings {
		if f := &d.Findings[i]; f.bound != nil {
			f.Bound = ptr(f.bound())
		}
	}
	if d.Verdict != Unknown {
		return d
	}
	for i := range d.Findings {
		f := &d.Findings[i]
		if f.Verdict != Unknown || f.more == nil {
			continue
		}
		if f.Missing = f.more(); f.Missing != nil && (d.Missing == nil || *f.Missing > *d.Missing) {
			d.Missing = f.Missing
		}
	}
	return d
}

// decide holds it against some of so many scenarios.
func (p *Policy) decide(all []Scenario, of int) *Decision {
	d := &Decision{Findings: []Finding{}}
	alpha := p.Test.Alpha / float64(max(1, of*(len(p.NotWorse)+builtIn+p.tested())))
	for i := range all {
		s := &all[i]
		if s.Cannot != "" {
			d.add(Finding{Scenario: s.Name, Rule: "can be played", Verdict: Unknown, Why: s.Cannot})
			continue
		}
		d.add(p.arms(s, alpha))
		d.add(p.ends(s, alpha))
		for _, m := range p.Must {
			d.add(p.must(s, m, alpha))
		}
		for _, w := range p.NotWorse {
			d.add(p.worse(s, w, alpha))
		}
		d.add(p.voids(s))
		if s.Reworded > 0 && p.Records == RecordsFail {
			d.add(Finding{Scenario: s.Name, Rule: "records", Verdict: Fail, Why: fmt.Sprintf("%d records are only in one of the kernels", s.Reworded)})
		}
	}
	// Fail before cannot tell before pass; of those the one with the most harm first.
	rank := map[Verdict]int{Fail: 0, Unknown: 1, Pass: 2}
	slices.SortStableFunc(d.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank[a.Verdict], rank[b.Verdict]), cmp.Compare(b.weight(), a.weight()))
	})
	if len(d.Findings) > 0 {
		d.Verdict, d.Why = d.Findings[0].Verdict, d.Findings[0].String()
	} else {
		d.Verdict, d.Why = Unknown, "no rule of the policy applies to anything that was tried"
	}
	if d.Verdict == Pass {
		d.Why = d.passes(all)
	}
	return d
}

// passes says what held, and what base did not hold of it.
func (d *Decision) passes(all []Scenario) string {
	most, worse := 0, ""
	for _, s := range all {
		most = max(most, len(s.Courses))
	}
	for i := range d.Findings {
		if f := &d.Findings[i]; f.Base != nil && f.Head != nil && f.Base.Hold < f.Head.Hold {
			worse += fmt.Sprintf("; base holds %s in %s courses only", f.That, f.Base)
			break
		}
	}
	return fmt.Sprintf("head breaks no rule in any scenario that was tried (%d rules, at most %d courses)%s", len(d.Findings), most, worse)
}

// add keeps a finding; a rule that does not apply has no name.
func (d *Decision) add(f Finding) {
	if f.Rule != "" {
		d.Findings = append(d.Findings, f)
	}
}

// weight orders findings of one verdict: who bears a condition before who does not, the larger harm first.
func (f *Finding) weight() float64 {
	w := float64(f.Harmed)
	if f.Rule == ComesToTrial || f.Rule == ComesToEnd {
		return math.Inf(1) // all else follows from it
	}
	if f.Head != nil && f.Rule == "must" {
		w = float64(f.Head.Of - f.Head.Hold)
	}
	if f.That != "" {
		w += 0.5
	}
	return w
}

// String is the finding as a sentence.
func (f *Finding) String() string {
	rule := f.Rule
	if f.That != "" {
		rule += ": " + f.That
	}
	return fmt.Sprintf("%s: %s: %s", f.Scenario, rule, f.Why)
}
