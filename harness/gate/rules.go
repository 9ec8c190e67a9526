// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"cmp"
	"fmt"
	"math"
)

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
	alpha, t.Beta = alpha*s.spends(), t.Beta*s.spends()
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
	if f = p.compared(f, s, q, w.By, alpha); q.asked && q.n == 0 {
		f.Why += s.open(w.That)
	}
	return f
}

// open says why nobody knows whether a condition held, of the first trial of which that is so.
func (s *Scenario) open(c Condition) string {
	for i := range s.Courses {
		for _, side := range []struct {
			name string
			*Side
		}{{"base", &s.Courses[i].Base}, {"head", &s.Courses[i].Head}} {
			v, asked := side.holds(c)
			if !asked {
				return fmt.Sprintf(": %s has no record that is known as one of its %s (course %d)", side.name, c.section, s.Courses[i].N)
			}
			if v != Unknown {
				continue
			}
			for _, g := range side.Grades {
				if g == nil || len(g.Void) > 0 {
					return fmt.Sprintf(": of %s a trial of course %d does not count", side.name, s.Courses[i].N)
				}
				if v, asked := c.Judge(g); v == Unknown && asked {
					return fmt.Sprintf(": of %s it is not known (course %d): %s", side.name, s.Courses[i].N, cmp.Or(g.Why, "the trial does not say"))
				}
			}
		}
	}
	return ""
}

// The rules of what head must come to before any other rule can say something.
const (
	ComesToTrial = "comes to its trial"
	ComesToEnd   = "comes to its end"
)

// arms: head comes to where it can be tried, and to the end of its trials, where base does.
func (p *Policy) arms(s *Scenario, alpha float64) Finding {
	f, why := Finding{Scenario: s.Name, Rule: ComesToTrial}, ""
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
		if v, _ := armed(&c.Head); v != Pass && why == "" {
			why = c.Head.Why
			if c.Head.Endless {
				f.Rule = ComesToEnd
			}
		}
	}
	q := s.pairs(armed)
	if q.n == q.base && q.n == q.head {
		return Finding{} // nothing to say
	}
	if f = p.compared(f, s, q, 0, alpha); why != "" {
		f.Why += ": " + why
	}
	return f
}

// builtIn is how many rules every gate has that compare head with base: arms and ends.
const builtIn = 2

var panicEnds, _ = ParseCondition("panic.ended >= 1")

// ends: head's panic comes to its last record where base's does. What was to be expected of one that stops before is not known, so that no
// other rule can say what it lacks.
func (p *Policy) ends(s *Scenario, alpha float64) Finding {
	for _, w := range p.NotWorse {
		if w.That.String() == panicEnds.String() {
			return Finding{} // the policy says it itself
		}
	}
	f := p.worse(s, Worse{That: panicEnds}, alpha)
	if f.Base == nil || f.Base.Hold == 0 || f.Base.Hold == f.Base.Of && f.Head.Hold == f.Head.Of {
		return Finding{} // nothing to say
	}
	return f
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
	alpha, t.Beta = alpha*s.spends(), t.Beta*s.spends()
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
