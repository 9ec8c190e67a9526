// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"

	"lastpage/harness/gate"
	"lastpage/harness/grade"
)

// scenario puts the courses of base and head beside each other. A run of head alone stands for both.
func (o *GateOrder) scenario(ctx context.Context, or RunOrder, r *Run) (gate.Scenario, error) {
	s := gate.Scenario{Name: or.Scenario.Name, Moments: moments(or)}
	base, head := r.Rows[0], r.Rows[len(r.Rows)-1]
	for _, row := range []*Row{base, head} {
		if row.Fault == Cannot || row.Fault == NoSymbol {
			s.Cannot = row.Strategy + ": " + row.Why
			return s, nil
		}
	}
	for _, b := range base.Courses {
		for _, h := range head.Courses {
			if number(b) == number(h) {
				c := gate.Course{N: number(b), Base: side(b, len(s.Moments)), Head: side(h, len(s.Moments))}
				if err := o.reended(ctx, &c, b, h); err != nil {
					return s, err
				}
				s.Courses = append(s.Courses, c)
			}
		}
	}
	return s, nil
}

func number(c *CourseRow) int {
	if c.Course == nil {
		return 0
	}
	return c.Course.N
}

// moments are the names of a course's trials.
func moments(or RunOrder) (all []string) {
	for i := range or.Trials {
		name := "as it comes"
		if in := or.Inject(i); in != nil {
			name = in.String()
		}
		all = append(all, name)
	}
	return all
}

// side is what one course says to the gate.
func side(c *CourseRow, n int) gate.Side {
	s := gate.Side{Grades: make([]*grade.Grade, n), Tried: len(c.Trials) + len(c.Voids), Why: brief(c.Why),
		Dead: c.Fault == KernelsFault, Unarmed: c.Fault == NeverArmed, Endless: c.Fault == NeverOver}
	for _, v := range c.Voids {
		if v.Overdue == "" { // what the harness spoilt
			s.Void++
		}
	}
	if c.Reference != "" {
		s.Tried++
	}
	for i, dir := range c.Trials {
		if at := moment(dir); at < n {
			s.Grades[at] = c.Graded[i]
		}
	}
	return s
}

// moment is which trial of a course a folder holds, counted from 0: trial-002 and trial-002-again-1 are the second.
func moment(dir string) int {
	digits := strings.TrimPrefix(filepath.Base(dir), "trial-")
	digits, _, _ = strings.Cut(digits, "-")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n - 1
}

// trialOf is the folder of one moment of a course; "" if it has no valid one.
func (c *CourseRow) trialOf(at int) string {
	for _, dir := range c.Trials {
		if moment(dir) == at {
			return dir
		}
	}
	return ""
}

// brief is a text up to its first line end; of a machine that did not come to its trial, without who found it out.
func brief(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	if _, why, ok := strings.Cut(line, ": boot: "); ok {
		line = why
	}
	return strings.TrimSuffix(line, "; the last of its console:")
}

// alike counts the pairs in which as many records and bytes were pending when the trouble began, at every moment.
func alike(s gate.Scenario) (n int) {
	for _, c := range s.Courses {
		same := len(c.Base.Grades) > 0
		for i, b := range c.Base.Grades {
			h := c.Head.Grades[i]
			same = same && b != nil && h != nil && b.PendingAtProvoke != nil && h.PendingAtProvoke != nil && *b.PendingAtProvoke == *h.PendingAtProvoke
		}
		if same {
			n++
		}
	}
	return n
}
