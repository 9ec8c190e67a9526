package compare

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"lastpage/dut"
	"lastpage/harness"
	"lastpage/harness/grade"
)

// RunSchema names the form of run.json. Fields may be added under the same number; a change of meaning takes a new one.
const RunSchema = "lastpage.run/1"

// RunName is the file of a run in its folder.
const RunName = "run.json"

// RunOrder is what a run has to do for each subject.
type RunOrder struct {
	harness.Series
	Trials int     // valid trials wanted of each
	Out    *Folder // of the run
}

// Run is run.json: strategies side by side in one scenario.
type Run struct {
	Schema     string     `json:"schema"`
	Status     string     `json:"status"`
	Made       string     `json:"made_by"` // which lastpage
	Scenario   string     `json:"scenario"`
	Conditions Conditions `json:"conditions"` // what all trials have in common
	Started    time.Time  `json:"started"`
	Finished   *time.Time `json:"finished"`
	Rows       []*Row     `json:"rows"`

	out *Folder
}

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
	// Fault is who is to blame for a row without trials, Why what happened.
	Fault     Fault            `json:"fault,omitempty"`
	Why       string           `json:"why,omitempty"`
	Reference string           `json:"reference,omitempty"` // folder
	Trials    []string         `json:"trials"`              // folders of the valid ones
	Voids     []harness.Voided `json:"voids"`
	// Graded are the grades of Trials, in their order.
	Graded []*grade.Grade `json:"grades"`
	// ReferenceGrade is the grade of the uninterrupted trial.
	ReferenceGrade *grade.Grade `json:"reference_grade"`
}

// Fault says whose fault it is that there are no trials.
type Fault string

const (
	Cannot       Fault = "cannot"        // nobody's: this board has no way to do it
	KernelsFault Fault = "kernel"        // the kernel never came to where it could be tried
	NoReference  Fault = "all-void"      // every trial that was to say what to expect was void
	NoSymbol     Fault = "cannot-symbol" // nobody's: this kernel has no such function
)

// Progress is told what is being done. Done and Of count trials of the whole.
type Progress func(strategy, what string, done, of int)

// Execute carries out a run, or goes on with the one that is in its folder. A lab failure ends it; what was finished until then stays.
func Execute(ctx context.Context, o RunOrder, subjects []*harness.Subject, tell Progress) (*Run, error) {
	r := &Run{Schema: RunSchema, Status: harness.Unfinished, Made: harness.Version(), Scenario: o.Scenario.Name, Started: time.Now().UTC(),
		Rows: []*Row{}, Conditions: o.conditions(subjects), out: o.Out}
	var old Run
	if found, err := o.Out.load(RunName, &old, RunSchema, func() string { return old.Schema }); err != nil {
		return nil, err
	} else if found {
		if err := old.Conditions.agree(r.Conditions, o.Out.Dir); err != nil {
			return nil, err
		}
		r.Started = old.Started
	}
	per := o.Trials
	if o.Scenario.WantsReference() {
		per++
	}
	done, of := 0, per*len(subjects)
	for _, s := range subjects {
		row := newRow(s)
		r.Rows = append(r.Rows, row)
		step := func(what string) {
			if tell != nil {
				tell(s.Strategy, what, done, of)
			}
		}
		err := o.row(ctx, s, row, step, func() error { done++; return r.save() })
		if err := errors.Join(err, r.save()); err != nil {
			return r, err
		}
	}
	now := time.Now().UTC()
	r.Status, r.Finished = harness.Finished, &now
	return r, r.save()
}

func newRow(s *harness.Subject) *Row {
	return &Row{Strategy: s.Strategy, Kernel: s.Kernel, Release: s.Release, Console: s.Console, Board: s.Board, Mode: s.Mode, CPUs: s.CPUs,
		Cmdline: s.Cmdline, Origin: s.Origin, Trials: []string{}, Voids: []harness.Voided{}, Graded: []*grade.Grade{}}
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
	for _, s := range subjects {
		c.subject(s)
	}
	return c
}

func (r *Run) save() error { return harness.WriteJSON(filepath.Join(r.out.Dir, RunName), r) }

// row runs the reference trial if the scenario needs one, and then the trials proper.
func (o *RunOrder) row(ctx context.Context, s *harness.Subject, row *Row, step func(string), done func() error) error {
	if err := o.Can(s); err != nil {
		return row.blame(err)
	}
	base := filepath.Join(o.Out.Dir, s.Strategy)
	one := func(a harness.Try, name string) (*harness.Trial, error) {
		what := name
		if a.Inject != nil {
			what += " (" + a.Inject.String() + ")"
		}
		step(what)
		t, voids, err := o.Valid(ctx, s, a, base, name)
		row.Voids = append(row.Voids, voids...)
		if t != nil {
			row.Mode = t.ModeOr(row.Mode)
		}
		return t, err
	}
	var ref *harness.Trial
	if o.Scenario.WantsReference() {
		t, err := one(harness.Try{Reference: true}, "reference")
		if err != nil {
			return row.blame(err)
		}
		if t == nil {
			row.Fault, row.Why = NoReference, "every trial that was to say what to expect was void"
			return done()
		}
		ref = t
		row.Reference, row.ReferenceGrade = ref.Dir(), ref.Grade
		if err := done(); err != nil {
			return err
		}
	}
	for i := range o.Trials {
		t, err := one(harness.Try{N: i, Inject: o.Inject(i), Ref: ref}, fmt.Sprintf("trial-%03d", i+1))
		if err != nil {
			return row.blame(err)
		}
		if t != nil {
			row.Trials, row.Graded = append(row.Trials, t.Dir()), append(row.Graded, t.Grade)
		}
		if err := done(); err != nil {
			return err
		}
	}
	return nil
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

// faultOf sorts an error by its owner; "" is the lab.
func faultOf(err error) Fault {
	var cannot *dut.CannotError
	var boot *dut.BootError
	switch {
	case errors.As(err, &cannot):
		return Cannot
	case errors.As(err, &boot):
		return KernelsFault
	case errors.Is(err, harness.ErrNoSymbol):
		return NoSymbol
	}
	return ""
}
