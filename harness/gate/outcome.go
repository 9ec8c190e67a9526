// SPDX-License-Identifier: Apache-2.0

package gate

import "lastpage/harness/grade"

// Side is what one kernel did in one course.
type Side struct {
	// Grades has one grade for each moment of the scenario; nil: every trial of it was void, or there was none.
	Grades []*grade.Grade
	Tried  int // trials, references among them
	Void   int // of these
	// Dead: the kernel died before it could be tried. Unarmed: it neither died nor came to where it could be tried. Endless: it was tried, and
	// a trial did not end.
	Dead, Unarmed, Endless bool
	Why                    string // what happened then
}

// Course is one draw, on both kernels.
type Course struct {
	N          int
	Base, Head Side
}

// Scenario is all that is known of one scenario.
type Scenario struct {
	Name    string
	Moments []string // names of the moments; one where nothing interrupts
	Courses []Course // in the order in which they were made
	// Sequential: the courses came one after another, and their number was not set beforehand.
	Sequential bool
	// Look is which of two looks this is, where there may be a second one with more courses: 1 or 2. 0: there is but one.
	Look int
	// Cannot says why a kernel or the board cannot play it; then there are no courses.
	Cannot string
	// Reworded are records of the uninterrupted trials that only one of the kernels has.
	Reworded int
}

// holds says whether a condition held at every moment of a course.
func (s *Side) holds(c Condition) (v Verdict, asked bool) {
	v = Pass
	for _, g := range s.Grades {
		is, was := c.Judge(g)
		if !was {
			continue
		}
		asked = true
		switch is {
		case Fail:
			return Fail, true
		case Unknown:
			v = Unknown
		}
	}
	return v, asked || len(s.Grades) == 0
}

// pairs counts the courses of which both sides are known.
type pairs struct {
	n              int
	base, head     int // courses that held
	harmed, mended int
	unknown        int // courses of which a side is not known
	asked          bool
	h              []int
}

func (s *Scenario) pairs(of func(*Side) (Verdict, bool)) (p pairs) {
	for i := range s.Courses {
		c := &s.Courses[i]
		b, askedBase := of(&c.Base)
		h, askedHead := of(&c.Head)
		if !askedBase && !askedHead {
			continue
		}
		p.asked = true
		if b == Unknown || h == Unknown || askedBase != askedHead {
			p.unknown++
			continue
		}
		p.n++
		d := 0
		if b == Pass {
			p.base++
			d++
		}
		if h == Pass {
			p.head++
			d--
		}
		if d > 0 {
			p.harmed++
		} else if d < 0 {
			p.mended++
		}
		p.h = append(p.h, d)
	}
	return p
}

// armed says whether a side came to where it could be tried, and to the end of that.
func armed(s *Side) (Verdict, bool) {
	if s.Dead || s.Unarmed || s.Endless {
		return Fail, true
	}
	return Pass, true
}
