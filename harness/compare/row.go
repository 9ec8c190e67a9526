// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"cmp"
	"slices"

	"lastpage/harness"
	"lastpage/harness/gate"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// Row is everything that was found out about one strategy.
type Row struct {
	Strategy string            `json:"strategy"`
	Kernel   string            `json:"kernel"`
	Release  string            `json:"release"`
	Console  string            `json:"console"`
	Board    string            `json:"board"`
	Mode     string            `json:"mode"`
	CPUs     int               `json:"cpus"`
	Cmdline  string            `json:"cmdline"`
	Origin   map[string]string `json:"origin,omitempty"` // of a kernel of the user's: tree, commit, patches, configuration
	// Fault is who is to blame that no course has trials, Why what happened.
	Fault   Fault        `json:"fault,omitempty"`
	Why     string       `json:"why,omitempty"`
	Courses []*CourseRow `json:"courses"` // one, without a number, where none were asked for
}

// CourseRow are the trials of one course of a strategy.
type CourseRow struct {
	Course    *harness.Course  `json:"course"` // null: the board's own
	Fault     Fault            `json:"fault,omitempty"`
	Why       string           `json:"why,omitempty"`
	Reference string           `json:"reference,omitempty"` // folder
	Trials    []string         `json:"trials"`              // folders of the valid ones
	Voids     []harness.Voided `json:"voids"`
	// Graded are the grades of Trials, in their order.
	Graded []*grade.Grade `json:"grades"`
	// ReferenceGrade is the grade of the uninterrupted trial.
	ReferenceGrade *grade.Grade `json:"reference_grade"`

	mode string
}

// Fault says whose fault it is that there are no trials.
type Fault string

const (
	Cannot       Fault = "cannot"        // nobody's: this board has no way to do it
	KernelsFault Fault = "kernel"        // the kernel died before it could be tried
	NeverArmed   Fault = "never-armed"   // not known whose: it neither died nor came to where it could be tried
	NeverOver    Fault = "never-over"    // a trial did not end in the time it was given, and nothing of the harness's was wrong with it
	NoReference  Fault = "all-void"      // every trial that was to say what to expect was void
	NoSymbol     Fault = "cannot-symbol" // nobody's: this kernel has no such function
)

func newRow(s *harness.Subject) *Row {
	return &Row{Strategy: s.Strategy, Kernel: s.Kernel, Release: s.Release, Console: s.Console, Board: s.Board, Mode: s.Mode, CPUs: s.CPUs,
		Cmdline: s.Cmdline, Origin: s.Origin, Courses: []*CourseRow{}}
}

func newCourse(c *harness.Course) *CourseRow {
	return &CourseRow{Course: c, Trials: []string{}, Voids: []harness.Voided{}, Graded: []*grade.Grade{}}
}

// add keeps a course in the order of the ensemble.
func (r *Row) add(c *CourseRow) {
	r.Courses = append(r.Courses, c)
	number := func(c *CourseRow) int {
		if c.Course == nil {
			return 0
		}
		return c.Course.N
	}
	slices.SortFunc(r.Courses, func(a, b *CourseRow) int { return cmp.Compare(number(a), number(b)) })
	if c.mode != "" {
		r.Mode = c.mode
	}
}

// Dead is the first course in which the kernel died before it could be tried; nil if there is none.
func (r *Row) Dead() *CourseRow {
	for _, c := range r.Courses {
		if c.Fault == KernelsFault {
			return c
		}
	}
	return nil
}

// finish says what is wrong with the row as a whole.
func (r *Row) finish() {
	for _, c := range r.Courses {
		if c.Fault == "" {
			return
		}
	}
	if len(r.Courses) > 0 && r.Fault == "" {
		r.Fault, r.Why = r.Courses[0].Fault, r.Courses[0].Why
	}
}

// blame notes a fault that is the kernel's or nobody's, with which the run goes on. The lab's is returned.
func (r *Row) blame(err error) error {
	fault := faultOf(err)
	if fault == "" {
		return err
	}
	r.Fault, r.Why = fault, err.Error()
	return nil
}

func (c *CourseRow) blame(err error) error {
	fault := faultOf(err)
	if fault == "" {
		return err
	}
	c.Fault, c.Why = fault, err.Error()
	return nil
}

// Letter is the worst letter of a course's trials; "" if one of them has none, or there is no trial.
func (c *CourseRow) Letter() string {
	worst := ""
	for _, g := range c.Graded {
		if g.Letter == "" {
			return ""
		}
		worst = max(worst, g.Letter)
	}
	return worst
}

// Trials are all valid trials of all courses.
func (r *Row) Trials() (dirs []string) {
	for _, c := range r.Courses {
		dirs = append(dirs, c.Trials...)
	}
	return dirs
}

// Graded are their grades.
func (r *Row) Graded() (all []*grade.Grade) {
	for _, c := range r.Courses {
		all = append(all, c.Graded...)
	}
	return all
}

// Voids are all trials that do not count.
func (r *Row) Voids() (all []harness.Voided) {
	for _, c := range r.Courses {
		all = append(all, c.Voids...)
	}
	return all
}

// Kind is one outcome of a strategy: in how many of its courses it came out, and one of them as evidence.
type Kind struct {
	Letter  string
	Warn    *Range // records of the WARN that were stored, in the trials that decided the letter; nil: not known, or none was expected
	Courses int
	Of      int
	Share   gate.Interval // 95 %, of all courses
	Dir     string        // of that trial
	Owner   string        // who owned the console when it ended, and how; "" if the dump does not say
	Printed []Printed     // who printed when the trouble began, the most frequent first; of the courses of which that is known
}

// Printed is who printed when the trouble began.
type Printed struct {
	Writer  int // the CPU that had written to the UART last
	Trouble int // the CPU on which the trouble was provoked
	Courses int
}

func (k *Kind) printed(g *grade.Grade) {
	i := slices.IndexFunc(g.Events, func(e grade.GradeEvent) bool { return plan.Code(e.Code) == plan.Provoked })
	if i < 0 || g.Events[i].Writer == nil || g.Events[i].CPU == nil {
		return
	}
	p := Printed{Writer: *g.Events[i].Writer, Trouble: *g.Events[i].CPU, Courses: 1}
	at := slices.IndexFunc(k.Printed, func(x Printed) bool { return x.Writer == p.Writer && x.Trouble == p.Trouble })
	if at < 0 {
		k.Printed = append(k.Printed, p)
		return
	}
	k.Printed[at].Courses++
}

// Kinds are the outcomes of a strategy, the worst first. Courses that have no letter are none of them.
func (r *Row) Kinds() []Kind {
	var kinds []Kind
	of := 0
	for _, c := range r.Courses {
		letter := c.Letter()
		if letter == "" {
			continue
		}
		of++
		i := slices.IndexFunc(c.Graded, func(g *grade.Grade) bool { return g.Letter == letter })
		k := Kind{Letter: letter, Dir: c.Trials[i], Owner: owner(c.Graded[i])}
		at := slices.IndexFunc(kinds, func(x Kind) bool { return x.Letter == letter })
		if at < 0 {
			kinds, at = append(kinds, k), len(kinds)
		}
		kinds[at].Courses++
		kinds[at].printed(c.Graded[i])
		if s := c.Graded[i].Sections[grade.Warn]; s != nil && s.Stored != nil && s.Expected != nil && s.Expected.Records > 0 {
			kinds[at].Warn = kinds[at].Warn.widen(int64(s.Stored.Records))
		}
	}
	for i := range kinds {
		slices.SortFunc(kinds[i].Printed, func(a, b Printed) int {
			return cmp.Or(cmp.Compare(b.Courses, a.Courses), cmp.Compare(a.Writer, b.Writer), cmp.Compare(a.Trouble, b.Trouble))
		})
		kinds[i].Of, kinds[i].Share = of, gate.Share(kinds[i].Courses, of)
	}
	slices.SortFunc(kinds, func(a, b Kind) int { return cmp.Compare(b.Letter, a.Letter) })
	return kinds
}

func owner(g *grade.Grade) string {
	if g.Ring == nil {
		return ""
	}
	for _, c := range g.Ring.Consoles {
		if c.Nbcon != nil {
			return c.Nbcon.String()
		}
	}
	return ""
}
