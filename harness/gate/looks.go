// SPDX-License-Identifier: Apache-2.0

package gate

// firstLook is the part of alpha and of beta that the first of two looks spends; the second has the rest. A gate errs no more often than
// both looks together, so that the declared errors hold whatever the first one showed.
const firstLook = 0.75

// spends is the part of both errors that belongs to this look.
func (s *Scenario) spends() float64 {
	switch s.Look {
	case 1:
		return firstLook
	case 2:
		return 1 - firstLook
	}
	return 1
}

// Second is how many courses of each side the second look at an exact wire has; 0: there is none, because the policy's cap is no more than its
// courses, or because the first could not pass anything.
func (p *Policy) Second() int {
	if p.Cap <= p.Courses || p.needs(firstLook*p.Test.Beta) > p.Courses {
		return 0
	}
	return p.Cap
}
