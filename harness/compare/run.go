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
	Workers int     // courses at the same time; 0: one
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
	done, of := 0, o.Count()*len(subjects)
	for _, s := range subjects {
		row := newRow(s)
		r.Rows = append(r.Rows, row)
		step := func(what string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if tell != nil {
				tell(s.Strategy, what, done, of)
			}
		}
		err := o.row(ctx, s, row, &r.mu, step, func() error {
			r.mu.Lock()
			defer r.mu.Unlock()
			done++
			return r.save()
		})
		if err := errors.Join(err, r.save()); err != nil {
			return r, err
		}
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

// row makes the courses of one strategy, some at the same time. mu guards the row.
func (o *RunOrder) row(ctx context.Context, s *harness.Subject, row *Row, mu *sync.Mutex, step func(string), done func() error) error {
	series := o.Series
	series.Course = o.All()[0]
	if err := series.Can(s); err != nil {
		return row.blame(err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	todo := make(chan *harness.Course, max(1, o.Courses))
	for _, c := range o.All() {
		todo <- c
	}
	close(todo)
	var wg sync.WaitGroup
	for range max(1, o.Workers) {
		wg.Go(func() {
			for c := range todo {
				if ctx.Err() != nil {
					return
				}
				cr, err := o.course(ctx, s, c, step, done)
				mu.Lock()
				row.add(cr)
				mu.Unlock()
				if err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	wg.Wait()
	row.finish()
	return context.Cause(ctx)
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
			row.Fault, row.Why = NoReference, "every trial that was to say what to expect was void"
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
		if err := done(); err != nil {
			return row, err
		}
	}
	return row, nil
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
