// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"lastpage/dut"
	"lastpage/harness"
)

// RunSchema names the form of run.json. Fields may be added under the same number; a change of meaning takes a new one.
const RunSchema = "lastpage.run/2"

// RunName is the file of a run in its folder.
const RunName = "run.json"

// RunOrder is what a run has to do for each subject.
type RunOrder struct {
	harness.Series
	Ensemble
	Trials  int     // valid trials wanted of each course
	Workers int     // courses at the same time, of as many subjects as there are; 0: one
	Turns   bool    // subjects take turns course by course; what their trials share stays until the caller frees it
	Out     *Folder // of the run
}

// Run is run.json: strategies side by side in one scenario.
type Run struct {
	Schema     string     `json:"schema"`
	Status     string     `json:"status"`
	Made       string     `json:"made_by"` // which lastpage
	Scenario   string     `json:"scenario"`
	Conditions Conditions `json:"conditions"` // what all trials have in common
	Ensemble   Ensemble   `json:"ensemble"`
	Started    time.Time  `json:"started"`
	Finished   *time.Time `json:"finished"`
	Rows       []*Row     `json:"rows"`

	mu  sync.Mutex
	out *Folder
}

// Progress is told what is being done. Done and Of count trials of the whole.
type Progress func(strategy, what string, done, of int)

// Count is how many trials a run takes of each strategy if none is void, its references among them.
func (o *RunOrder) Count() int {
	n := o.Trials
	if o.Scenario.WantsReference() {
		n++
	}
	return n * max(1, o.Ensemble.Courses)
}

// Execute carries out a run, or goes on with the one that is in its folder. A lab failure ends it; what was finished until then stays.
func Execute(ctx context.Context, o RunOrder, subjects []*harness.Subject, tell Progress) (*Run, error) {
	r := &Run{Schema: RunSchema, Status: harness.Unfinished, Made: harness.Version(), Scenario: o.Scenario.Name, Started: time.Now().UTC(),
		Rows: []*Row{}, Conditions: o.conditions(subjects), Ensemble: o.Ensemble, out: o.Out}
	var old Run
	if found, err := o.Out.load(RunName, &old, RunSchema, func() string { return old.Schema }); err != nil {
		return nil, err
	} else if found {
		if err := old.Conditions.agree(r.Conditions, o.Out.Dir); err != nil {
			return nil, err
		}
		r.Started = old.Started
	}
	for _, s := range subjects {
		r.Rows = append(r.Rows, newRow(s))
	}
	done, of := 0, o.Count()*len(subjects)
	err := o.fill(ctx, subjects, r.Rows, &r.mu, func(s *harness.Subject, what string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if tell != nil {
			tell(s.Strategy, what, done, of)
		}
	}, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		done++
		return r.save()
	})
	if err := errors.Join(err, r.save()); err != nil {
		return r, err
	}
	now := time.Now().UTC()
	r.Status, r.Finished = harness.Finished, &now
	return r, r.save()
}

// conditions are what makes trials of a run comparable with each other.
func (o *RunOrder) conditions(subjects []*harness.Subject) Conditions {
	c := conditions(&o.Series)
	if o.Scenario.Interrupted {
		text := ""
		for _, in := range o.Injects {
			text += " " + in.String()
		}
		c["inject"], c["phase_us"] = text[min(1, len(text)):], fmt.Sprint(o.PhaseUS)
	}
	o.Ensemble.conditions(c)
	var names []string
	for _, s := range subjects {
		c.subject(s)
		names = append(names, s.Strategy)
	}
	c["strategies"] = strings.Join(names, ",") // its rows are those of one session, unlike a matrix's
	return c
}

func (r *Run) save() error { return harness.WriteJSON(filepath.Join(r.out.Dir, RunName), r) }

// fill makes the courses of all subjects, some at the same time, each into the row of its subject. mu guards the rows. What the trials of one
// of several subjects share is freed after its last course; that of a single one stays for whoever made it.
func (o *RunOrder) fill(ctx context.Context, subjects []*harness.Subject, rows []*Row, mu *sync.Mutex, step func(*harness.Subject, string), done func() error) error {
	d, of := newSchedule[*harness.Course](), map[*harness.Subject]*Row{}
	d.turns = o.Turns
	for i, s := range subjects {
		of[s] = rows[i]
		series := o.Series
		series.Course = o.All()[0]
		if err := series.Can(s); err != nil {
			if err := rows[i].blame(err); err != nil {
				return err
			}
			continue
		}
		for _, c := range o.All() {
			d.add(s, c)
		}
	}
	err := d.work(ctx, o.Workers, len(subjects) > 1 && !o.Turns, func(ctx context.Context, j job[*harness.Course]) error {
		cr, err := o.course(ctx, j.s, j.what, func(what string) { step(j.s, what) }, done)
		mu.Lock()
		defer mu.Unlock()
		of[j.s].add(cr)
		return err
	})
	mu.Lock()
	defer mu.Unlock()
	for _, r := range rows {
		r.finish()
	}
	return err
}

// course runs the reference trial if the scenario needs one, and then the trials proper.
func (o *RunOrder) course(ctx context.Context, s *harness.Subject, c *harness.Course, step func(string), done func() error) (*CourseRow, error) {
	row := newCourse(c)
	series, base, prefix := o.Series, filepath.Join(o.Out.Dir, s.Strategy), ""
	if series.Course = c; c != nil {
		base, prefix = filepath.Join(base, fmt.Sprintf("course-%03d", c.N)), c.String()+", "
	}
	one := func(a harness.Try, name string) (*harness.Trial, error) {
		what := prefix + name
		if a.Inject != nil {
			what += " (" + a.Inject.String() + ")"
		}
		step(what)
		t, voids, err := series.Valid(ctx, s, a, base, name)
		row.Voids = append(row.Voids, voids...)
		if t != nil {
			row.mode = t.ModeOr(row.mode)
		} else if late := overdue(voids); late != "" {
			row.Fault, row.Why = NeverOver, name+": "+late
		}
		return t, err
	}
	var ref *harness.Trial
	if o.Scenario.WantsReference() {
		t, err := one(harness.Try{Reference: true}, "reference")
		if err != nil {
			return row, row.blame(err)
		}
		if t == nil {
			if row.Fault == "" {
				row.Fault, row.Why = NoReference, "every trial that was to say what to expect was void"
			}
			return row, done()
		}
		ref = t
		row.Reference, row.ReferenceGrade = ref.Dir(), ref.Grade
		if err := done(); err != nil {
			return row, err
		}
	}
	for i := range o.Trials {
		t, err := one(harness.Try{N: i, Inject: o.Inject(i), Ref: ref}, fmt.Sprintf("trial-%03d", i+1))
		if err != nil {
			return row, row.blame(err)
		}
		if t != nil {
			row.Trials, row.Graded = append(row.Trials, t.Dir()), append(row.Graded, t.Grade)
		}
		if err := done(); err != nil || row.Fault != "" {
			return row, err
		}
	}
	return row, nil
}

// overdue is what the machine did not come to, if that is all that was wrong with each of these trials.
func overdue(voids []harness.Voided) (why string) {
	for _, v := range voids {
		if why = v.Overdue; why == "" {
			break
		}
	}
	return why
}

// faultOf sorts an error by its owner; "" is the lab.
func faultOf(err error) Fault {
	var cannot *dut.CannotError
	var boot *dut.BootError
	switch {
	case errors.As(err, &cannot):
		return Cannot
	case errors.As(err, &boot) && boot.Doubt:
		return NeverArmed
	case errors.As(err, &boot):
		return KernelsFault
	case errors.Is(err, harness.ErrNoSymbol):
		return NoSymbol
	}
	return ""
}
