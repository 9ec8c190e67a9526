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
	Rule     string  `json:"rule"` // must, not worse, comes to its trial, void trials, records, can be played
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
	d := p.decide(all)
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

func (p *Policy) decide(all []Scenario) *Decision {
	d := &Decision{Findings: []Finding{}}
	alpha := p.Test.Alpha / float64(max(1, len(all)*(len(p.NotWorse)+1+p.tested())))
	for i := range all {
		s := &all[i]
		if s.Cannot != "" {
			d.add(Finding{Scenario: s.Name, Rule: "can be played", Verdict: Unknown, Why: s.Cannot})
			continue
		}
		d.add(p.arms(s, alpha))
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
	return fmt.Sprintf("head holds every rule in every scenario that was tried (%d rules, at most %d courses)%s", len(d.Findings), most, worse)
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
	if f.Rule == "comes to its trial" {
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

// tested is how many rules about head alone have a share that a test must tell from P0.
func (p *Policy) tested() int {
	if p.Test.P0 == 0 {
		return 0 // a single course shows that it is more than 0, and nothing is left to chance
	}
	return len(p.Must)
}

func ptr[T any](v T) *T { return &v }

// must: the share of head's courses in which the condition does not hold is not above p0.
func (p *Policy) must(s *Scenario, m Must, alpha float64) Finding {
	f := Finding{Scenario: s.Name, Rule: "must", That: m.That.String()}
	var bad []bool
	asked, wrong := false, 0
	var base Count // beside it; it decides nothing
	for i := range s.Courses {
		v, is := s.Courses[i].Head.holds(m.That)
		asked = asked || is
		if b, is := s.Courses[i].Base.holds(m.That); is && b != Unknown {
			base.Of++
			if b == Pass {
				base.Hold++
			}
		}
		switch {
		case !is:
		case v == Unknown:
			f.Unknown++
		default:
			bad = append(bad, v == Fail)
			if v == Fail {
				wrong++
			}
		}
	}
	n := len(bad)
	if !asked {
		return Finding{}
	}
	f.Base, f.Head = &base, &Count{n - wrong, n}
	if n == 0 {
		f.Verdict, f.Why = Unknown, "no course of head says"
		return f
	}
	t := p.Test
	f.Bound = ptr(upper(wrong, n, t.Beta))
	if t.P0 > 0 {
		f.P = ptr(tailOf(wrong, n, t.P0))
	}
	rule := func(wrong, n int) Verdict {
		switch {
		case wrong > 0 && tailOf(wrong, n, t.P0) <= alpha:
			return Fail
		case upper(wrong, n, t.Beta) <= t.P1:
			return Pass
		}
		return Unknown
	}
	if s.Sequential {
		f.P = nil
		f.bound = func() float64 {
			h := make([]int, n)
			for i, b := range bad {
				if b {
					h[i] = 1
				}
			}
			return uniform(h, t.Beta)
		}
		f.Verdict, _ = wald(bad, t.P0, t.P1, alpha, t.Beta)
	} else {
		f.Verdict = rule(wrong, n)
	}
	f.Why = fmt.Sprintf("it holds in %s courses of head", f.Head)
	if f.Verdict == Unknown {
		f.more = func() *int {
			if s.Sequential {
				return beyond(n)(wald(again(bad), t.P0, t.P1, alpha, t.Beta))
			}
			return missing(n, func(k int) Verdict { return rule(scaled(wrong, n, k), k) })
		}
		f.Why += fmt.Sprintf(": too few to exclude that it fails in %.0f %%", 100*t.P1)
	}
	return f
}

// worse: head's share of courses in which the condition holds is not lower than base's by more than By.
func (p *Policy) worse(s *Scenario, w Worse, alpha float64) Finding {
	f := Finding{Scenario: s.Name, Rule: "not worse", That: w.That.String()}
	q := s.pairs(func(side *Side) (Verdict, bool) { return side.holds(w.That) })
	return p.compared(f, s, q, w.By, alpha)
}

// arms: head comes to where it can be tried, where base does.
func (p *Policy) arms(s *Scenario, alpha float64) Finding {
	f := Finding{Scenario: s.Name, Rule: "comes to its trial"}
	for i := range s.Courses {
		c := &s.Courses[i]
		switch {
		case c.Base.Dead:
			f.Verdict, f.Why = Unknown, fmt.Sprintf("base died before it could be tried (course %d), so that there is nothing to compare: %s", c.N, c.Base.Why)
			return f
		case c.Head.Dead:
			f.Verdict, f.Why = Fail, fmt.Sprintf("head died before it could be tried (course %d), base did not: %s", c.N, c.Head.Why)
			return f
		}
	}
	q := s.pairs(armed)
	if q.n == q.base && q.n == q.head {
		return Finding{} // nothing to say
	}
	return p.compared(f, s, q, 0, alpha)
}

func (p *Policy) compared(f Finding, s *Scenario, q pairs, by, alpha float64) Finding {
	if !q.asked {
		return Finding{}
	}
	f.Base, f.Head, f.Harmed, f.Mended, f.Unknown = &Count{q.base, q.n}, &Count{q.head, q.n}, q.harmed, q.mended, q.unknown
	if q.n == 0 {
		f.Verdict, f.Why = Unknown, "no pair of courses says"
		return f
	}
	t := p.Test
	rule := func(base, head, harmed, mended, n int) Verdict {
		fails := by == 0 && Lower(head, n, base, n) <= alpha || by > 0 && harmLeast(harmed, mended, n, alpha) > by
		switch {
		case fails:
			return Fail
		case harmBound(harmed, mended, n, t.Beta) <= by+t.P1:
			return Pass
		}
		return Unknown
	}
	f.Bound = ptr(harmBound(q.harmed, q.mended, q.n, t.Beta))
	if s.Sequential {
		f.bound = func() float64 { return uniform(q.h, t.Beta) }
		f.Verdict, _ = bets(q.h, by, t.P1, alpha, t.Beta)
	} else {
		if by == 0 {
			f.P = ptr(Lower(q.head, q.n, q.base, q.n))
		}
		f.Verdict = rule(q.base, q.head, q.harmed, q.mended, q.n)
	}
	f.Why = fmt.Sprintf("it holds in %s courses of base and %s of head", f.Base, f.Head)
	if f.That == "" {
		f.Why = fmt.Sprintf("base came there in %s courses, head in %s", f.Base, f.Head)
	}
	if f.Verdict == Fail && f.P != nil {
		f.Why += fmt.Sprintf(" (Fisher's exact test: p %.2g)", *f.P)
	}
	if f.Verdict == Unknown {
		f.more = func() *int {
			if s.Sequential {
				return beyond(q.n)(bets(again(q.h), by, t.P1, alpha, t.Beta))
			}
			return missing(q.n, func(k int) Verdict {
				n := q.n
				return rule(scaled(q.base, n, k), scaled(q.head, n, k), scaled(q.harmed, n, k), scaled(q.mended, n, k), k)
			})
		}
		f.Why += fmt.Sprintf(": too few to tell whether head is worse by %.0f %%", 100*(by+t.P1))
	}
	return f
}

// voids: the trials that say nothing are few, and not head's alone.
func (p *Policy) voids(s *Scenario) Finding {
	var tried, void [2]int
	for i := range s.Courses {
		c := &s.Courses[i]
		tried[0], void[0] = tried[0]+c.Base.Tried, void[0]+c.Base.Void
		tried[1], void[1] = tried[1]+c.Head.Tried, void[1]+c.Head.Void
	}
	f := Finding{Scenario: s.Name, Rule: "void trials", Why: fmt.Sprintf("base %d of %d, head %d of %d", void[0], tried[0], void[1], tried[1])}
	if void[0]+void[1] == 0 {
		return Finding{}
	}
	base, head := float64(void[0])/math.Max(1, float64(tried[0])), float64(void[1])/math.Max(1, float64(tried[1]))
	if math.Max(base, head) > p.Voids.Most || head-base > p.Voids.AboveBase {
		f.Verdict = Unknown
		f.Why += fmt.Sprintf(": more than %.0f %%, or head's more than base's by %.0f %%", 100*p.Voids.Most, 100*p.Voids.AboveBase)
	}
	return f
}

// mostMissing is the number beyond which no number of courses is named.
const mostMissing = 10_000

// missing is how many courses beyond n decide, if the shares stay; nil if mostMissing do not.
func missing(n int, of func(k int) Verdict) *int {
	for k := n + 1; k <= mostMissing; k += 1 + (k-n)/20 {
		if of(k) != Unknown {
			return ptr(k - n)
		}
	}
	return nil
}

// beyond is the same of a test that was given what was seen again and again.
func beyond(n int) func(Verdict, int) *int {
	return func(v Verdict, at int) *int {
		if v == Unknown || at <= n {
			return nil
		}
		return ptr(at - n)
	}
}

// scaled is what k of n would be of m.
func scaled(k, n, m int) int { return int(math.Round(float64(k) * float64(m) / float64(n))) }

// again is all repeated up to mostMissing.
func again[T any](all []T) []T {
	out := make([]T, mostMissing)
	for i := range out {
		out[i] = all[i%len(all)]
	}
	return out
}
