package harness

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// RunSchema names the form of run.json.
const RunSchema = "lastpage.run/1"

// Subject is one strategy, ready to be tried: a kernel, its command line, and a way to open a board that runs them.
type Subject struct {
	Strategy string
	Kernel   string
	Release  string
	Console  string // kind of console code: legacy, nbcon, ...
	Board    string
	Mode     string // of the wire; shown beside every grade
	Cmdline  string // whole
	Frame    wire.Frame
	CPUs     int
	// Open gives a board that is about to run this plan, with more words on its command line. It is called once for every trial, and
	// may be called by several goroutines.
	Open func(ctx context.Context, p *plan.Plan, more string) (*dut.Board, error)
	// Rest, if it is there, frees what the trials of this subject shared. More trials may follow, and make it anew.
	Rest func()
	// Names are the kernel's symbols that an Inject may wait for. A guest is asked for their addresses only when one does: reading
	// /proc/kallsyms takes a Debian kernel 14 s of its own time.
	Names []string
}

// Order is what a run has to do for each subject.
type Order struct {
	Scenario Scenario
	Shape    func(*plan.Plan) // the user's changes to the plan
	Injects  []Inject         // one trial each, in turn
	Trials   int              // valid trials wanted
	// PhaseUS is by how much each trial of an interrupted scenario is provoked later than the one before. Whether one CPU takes a console over
	// from another is decided within a line (8 ms at 115200 baud): without it all trials of an exact board see the same moment of a line.
	PhaseUS uint32
	Retries int    // void trials allowed for each valid one wanted
	Out     string // folder of the run
}

// Row is everything that was found out about one strategy.
type Row struct {
	Strategy  string   `json:"strategy"`
	Kernel    string   `json:"kernel"`
	Release   string   `json:"release"`
	Console   string   `json:"console"`
	Board     string   `json:"board"`
	Mode      string   `json:"mode"`
	CPUs      int      `json:"cpus"`
	Reference string   `json:"reference,omitempty"` // folder
	Trials    []string `json:"trials"`              // folders of the valid ones
	Voids     []Voided `json:"voids"`
	// Graded are the grades of Trials, in their order.
	Graded []*grade.Grade `json:"grades"`
	// ReferenceGrade is the grade of the uninterrupted trial.
	ReferenceGrade *grade.Grade `json:"reference_grade"`
}

// Voided is a trial that does not count, and why.
type Voided struct {
	Dir string   `json:"dir"`
	Why []string `json:"why"`
}

// Run is run.json: what one invocation did.
type Run struct {
	Schema   string     `json:"schema"`
	Status   string     `json:"status"`
	Scenario string     `json:"scenario"`
	Started  time.Time  `json:"started"`
	Finished *time.Time `json:"finished"`
	Rows     []*Row     `json:"rows"`

	dir string
}

// Progress is told what the run is at. Done and Of count trials of the whole run.
type Progress func(strategy, what string, done, of int)

// Execute carries out an order for every subject, one after the other. A lab failure ends the run; what was finished until then stays.
func Execute(ctx context.Context, o Order, subjects []Subject, tell Progress) (*Run, error) {
	r := &Run{Schema: RunSchema, Status: Unfinished, Scenario: o.Scenario.Name, Started: time.Now().UTC(), Rows: []*Row{}, dir: o.Out}
	per := o.Trials
	if o.Scenario.wantsReference() {
		per++
	}
	done, of := 0, per*len(subjects)
	for _, s := range subjects {
		row := &Row{Strategy: s.Strategy, Kernel: s.Kernel, Release: s.Release, Console: s.Console, Board: s.Board, Mode: s.Mode, CPUs: s.CPUs,
			Trials: []string{}, Voids: []Voided{}, Graded: []*grade.Grade{}}
		r.Rows = append(r.Rows, row)
		step := func(what string) {
			if tell != nil {
				tell(s.Strategy, what, done, of)
			}
		}
		if err := o.subject(ctx, s, row, step, &done); err != nil {
			return r, err
		}
		if err := r.save(); err != nil {
			return r, err
		}
	}
	now := time.Now().UTC()
	r.Status, r.Finished = Finished, &now
	return r, r.save()
}

func (r *Run) save() error { return writeJSON(filepath.Join(r.dir, "run.json"), r) }

// subject runs the reference trial if the scenario needs one, and then the trials proper.
func (o Order) subject(ctx context.Context, s Subject, row *Row, step func(string), done *int) error {
	base := filepath.Join(o.Out, s.Strategy)
	var ref *Trial
	if o.Scenario.wantsReference() {
		var err error
		ref, err = o.valid(ctx, s, row, attempt{reference: true}, base, "reference", step)
		if err != nil {
			return err
		}
		*done++
		if ref == nil {
			return nil // every attempt was void: there is nothing to compare with
		}
		row.Reference, row.ReferenceGrade = ref.dir, ref.Grade
	}
	for i := range o.Trials {
		var in *Inject
		if o.Scenario.Interrupted {
			in = &o.Injects[i%len(o.Injects)]
		}
		t, err := o.valid(ctx, s, row, attempt{n: i, in: in, ref: ref}, base, fmt.Sprintf("trial-%03d", i+1), step)
		if err != nil {
			return err
		}
		*done++
		if t == nil {
			continue
		}
		row.Trials = append(row.Trials, t.dir)
		row.Graded = append(row.Graded, t.Grade)
	}
	return nil
}

// attempt says which trial of an order is meant.
type attempt struct {
	n         int
	in        *Inject
	ref       *Trial // the reference, when it is there
	reference bool   // this is to become it
}

// valid repeats a trial until one is not void; nil when the retries are used up.
func (o Order) valid(ctx context.Context, s Subject, row *Row, a attempt, base, name string, step func(string)) (*Trial, error) {
	for try := 0; try <= o.Retries; try++ {
		dir := filepath.Join(base, name)
		if try > 0 {
			dir += fmt.Sprintf("-again-%d", try)
		}
		what := name
		if a.in != nil {
			what += " (" + a.in.String() + ")"
		}
		step(what)
		t, err := o.trial(ctx, s, a, dir)
		if err != nil {
			return nil, err
		}
		row.Mode = t.mode(row.Mode)
		if !t.IsVoid() {
			return t, nil
		}
		row.Voids = append(row.Voids, Voided{Dir: t.dir, Why: t.Reasons()})
	}
	return nil, nil
}

// trial opens a board and conducts one trial on it.
func (o Order) trial(ctx context.Context, s Subject, a attempt, dir string) (*Trial, error) {
	asked, err := o.asked(s, a)
	if err != nil {
		return nil, err
	}
	b, err := s.Open(ctx, asked.Plan, o.Scenario.Cmdline)
	if err != nil {
		return nil, fmt.Errorf("open board %s: %w", s.Board, err)
	}
	defer b.Close()
	return conduct(ctx, dir, asked, b)
}

// asked puts down everything that an attempt asks of a board.
func (o Order) asked(s Subject, a attempt) (Asked, error) {
	asked := Asked{Board: s.Board, Strategy: s.Strategy, Kernel: s.Kernel, Scenario: o.Scenario.Name, Frame: s.Frame, Inject: a.in,
		Cmdline: strings.TrimSpace(s.Cmdline + " " + o.Scenario.Cmdline)}
	p, err := o.Scenario.plan(runID(s, o.Scenario.Name), s.CPUs, a.reference, o.Shape)
	if err != nil {
		return asked, err
	}
	if o.Scenario.Before != "" || slices.ContainsFunc(o.Injects, func(in Inject) bool { return in.At == "symbol" }) {
		p.Symbols = s.Names
	}
	asked.Plan = p
	switch {
	case o.Scenario.PhaseUS > 0:
		asked.PhaseUS = uint32(a.n) * o.Scenario.PhaseUS
	case o.Scenario.Interrupted:
		asked.PhaseUS = uint32(a.n) * o.PhaseUS
	}
	pending := int64(-1)
	var symbols map[string]uint64
	if ref := a.ref; ref != nil {
		asked.Reference, asked.Expected = ref.dir, ref.Expected()
		if g := ref.Grade; g != nil && g.PendingAtProvoke != nil {
			pending = g.PendingAtProvoke.Bytes
		}
		symbols = ref.symbols()
	}
	asked.Triggers, err = o.Scenario.triggers(p, a.in, pending, symbols, s.Frame.ByteNS())
	return asked, err
}

// Check says what is wrong with an order before anything is booted for it.
func (o Order) Check() error {
	if o.Scenario.Interrupted && len(o.Injects) == 0 {
		return fmt.Errorf("scenario %s needs a moment to interrupt", o.Scenario.Name)
	}
	_, err := o.Scenario.plan("00000000", 2, false, o.Shape)
	return err
}
