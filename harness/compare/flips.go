// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"context"
	"regexp"
	"strings"

	"lastpage/harness/gate"
	"lastpage/harness/grade"
)

// Flip is a moment of a course at which head did not hold a condition: the records that it lacks.
type Flip struct {
	Scenario string `json:"scenario"`
	That     string `json:"that"`
	Course   int    `json:"course"` // 0: the board's own
	Moment   string `json:"moment"`
	// Held: base held the condition at that moment of that course. Then Records are those that base has and head lacks, else those that head
	// lacks of its own uninterrupted trial.
	Held    bool     `json:"base_held"`
	Alike   bool     `json:"alike"` // as much was pending in both when the trouble began
	Base    string   `json:"base"`  // folders of the trials
	Head    string   `json:"head"`
	Lacks   int      `json:"lacks"` // records
	Records []string `json:"records"`
}

// Bounds of what is kept of flips, in flips of one rule and in records of one flip.
const (
	mostFlips   = 8
	mostRecords = 12
)

// Reworded is a record that only one kernel has, numbers and addresses apart.
type Reworded struct {
	Scenario string `json:"scenario"`
	Section  string `json:"section"`
	In       string `json:"in"` // base or head
	Text     string `json:"text"`
}

// flips finds the evidence for every finding about a condition that did not pass, or that a pair was harmed in.
func (g *Gate) flips(ctx context.Context, d *gate.Decision, all []gate.Scenario) error {
	for _, f := range d.Findings {
		if f.That == "" || f.Verdict == gate.Pass && f.Harmed == 0 {
			continue
		}
		c, err := gate.ParseCondition(f.That)
		if err != nil {
			return err
		}
		for i, gr := range g.Scenarios {
			if gr.Scenario == f.Scenario {
				if err := g.flipsOf(ctx, c, f.Rule == "must", gr, &all[i]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (g *Gate) flipsOf(ctx context.Context, c gate.Condition, must bool, gr *GateRun, s *gate.Scenario) error {
	kept := 0
	for _, pair := range s.Courses {
		for at := range pair.Head.Grades {
			head, asked := c.Judge(pair.Head.Grades[at])
			base, _ := c.Judge(pair.Base.Grades[at])
			if !asked || head != gate.Fail || !must && base != gate.Pass || kept == mostFlips {
				continue
			}
			b, h := gr.course(BaseName, pair.N), gr.course(HeadName, pair.N)
			f := &Flip{Scenario: s.Name, That: c.String(), Course: pair.N, Moment: s.Moments[at], Held: base == gate.Pass, Base: b.trialOf(at), Head: h.trialOf(at), Records: []string{}}
			x, y := pair.Base.Grades[at], pair.Head.Grades[at]
			f.Alike = x != nil && y != nil && x.PendingAtProvoke != nil && y.PendingAtProvoke != nil && *x.PendingAtProvoke == *y.PendingAtProvoke
			from := f.Base
			if !f.Held {
				from = h.Reference
			}
			if err := f.name(ctx, c, from); err != nil {
				return err
			}
			g.Flips = append(g.Flips, f)
			kept++
		}
	}
	return nil
}

// course finds a course of a row; a run of head alone has it for both.
func (gr *GateRun) course(strategy string, n int) *CourseRow {
	for _, row := range gr.run.Rows {
		if row.Strategy != strategy && len(gr.run.Rows) > 1 {
			continue
		}
		for _, c := range row.Courses {
			if number(c) == n {
				return c
			}
		}
	}
	return newCourse(nil)
}

// name finds the records of the condition's section that the trial in from has, and head's lacks.
func (f *Flip) name(ctx context.Context, c gate.Condition, from string) error {
	if from == "" || f.Head == "" {
		return nil
	}
	has := c.Has()
	if has == nil {
		return nil
	}
	want, err := records(ctx, from)
	if err != nil {
		return err
	}
	got, err := records(ctx, f.Head)
	if err != nil {
		return err
	}
	there := map[string]int{}
	for _, r := range got {
		if has(&r) {
			there[plain(r.Text)]++
		}
	}
	for _, r := range want {
		if !has(&r) {
			continue
		}
		if key := plain(r.Text); there[key] > 0 {
			there[key]--
			continue
		}
		if f.Lacks++; len(f.Records) < mostRecords {
			f.Records = append(f.Records, r.Text)
		}
	}
	return nil
}

var figures = regexp.MustCompile(`0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+`)

// plain is a record's text without what differs from boot to boot and from build to build: numbers and addresses.
func plain(text string) string {
	if at := strings.Index(text, "Code: "); at >= 0 {
		return text[:at] + "Code: #"
	}
	return figures.ReplaceAllString(text, "#")
}

// reword compares records: all of WARN and panic in the first course that has an uninterrupted trial on both sides, and what the interrupted
// trials of some courses have of a panic beside the state of the CPU.
func (g *Gate) reword(ctx context.Context, gr *GateRun, s *gate.Scenario) error {
	var whole, base, head []string // folders of trials
	courses := 0
	for _, pair := range s.Courses {
		b, h := gr.course(BaseName, pair.N), gr.course(HeadName, pair.N)
		if b.whole() == "" || h.whole() == "" || b.whole() == h.whole() {
			continue
		}
		if courses++; courses == 1 {
			whole = []string{b.whole(), h.whole()}
		}
		if courses > coursesOfPanics {
			break
		}
		for at := range s.Moments {
			x, y := b.trialOf(at), h.trialOf(at)
			if x != b.whole() && y != h.whole() && ended(pair.Base.Grades[at]) && ended(pair.Head.Grades[at]) {
				base, head = append(base, x), append(head, y) // of a panic that did not end the rules speak
			}
		}
	}
	var all [4][]grade.Place
	for i, dir := range whole {
		recs, err := records(ctx, dir)
		if err != nil {
			return err
		}
		all[i] = recs
	}
	for i, dirs := range [][]string{base, head} {
		recs, err := panicsOf(ctx, dirs)
		if err != nil {
			return err
		}
		all[2+i] = recs
	}
	for i := 0; i < len(all); i += 2 {
		for _, r := range append(onlyIn(BaseName, all[i], all[i+1]), onlyIn(HeadName, all[i+1], all[i])...) {
			r.Scenario = s.Name
			g.Reworded, s.Reworded = append(g.Reworded, r), s.Reworded+1
		}
	}
	return nil
}

// coursesOfPanics is of how many courses reword looks at panics: what a panic says also depends on the course.
const coursesOfPanics = 4

// whole is the trial of a course that nothing interrupted: its reference, or its first.
func (c *CourseRow) whole() string {
	if c.Reference == "" && len(c.Trials) > 0 {
		return c.Trials[0]
	}
	return c.Reference
}

// onlyIn are the stored records of WARN and panic that a has and b has not.
func onlyIn(name string, a, b []grade.Place) (all []*Reworded) {
	there := map[string]int{}
	for _, r := range b {
		if r.Stored() {
			there[r.Section+plain(r.Text)]++
		}
	}
	for _, r := range a {
		key := r.Section + plain(r.Text)
		switch {
		case !r.Stored() || r.Section != grade.Warn && r.Section != grade.Panic:
		case there[key] > 0:
			there[key]--
		default:
			all = append(all, &Reworded{Section: r.Section, In: name, Text: r.Text})
		}
	}
	return all
}
