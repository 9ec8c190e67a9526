// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lastpage/dut"
	"lastpage/kernels/plan"
)

// Shape is what the user may change of a scenario's plan.
type Shape struct {
	Backlog   int `json:"backlog_records"`
	RecordLen int `json:"record_len"` // bytes of text
}

// DefaultShape is that of every plan which nobody changes.
func DefaultShape() Shape {
	p := plan.Default("00000000", 1)
	return Shape{Backlog: p.Backlog, RecordLen: p.RecordLen}
}

// Series is one scenario on one subject: how its orders are made.
type Series struct {
	Scenario Scenario
	Shape    *Shape   // nil: the default
	Injects  []Inject // one trial each, in turn
	// PhaseUS is by how much each trial of an interrupted scenario is provoked later than the one before. Whether one CPU takes a console over
	// from another is decided within a line (8 ms at 115200 baud): without it all trials of an exact board see the same moment of a line.
	PhaseUS uint32
	Course  *Course // nil: the board's own
	Retries int     // void trials allowed for each valid one wanted
}

// Try says which trial of a series is meant.
type Try struct {
	N         int     // counts from 0
	Inject    *Inject // nil: it is not interrupted
	Ref       *Trial  // the reference, when it is there
	Reference bool    // this is to become it
}

// Inject is the moment of the n-th trial; nil if the scenario is not interrupted.
func (o *Series) Inject(n int) *Inject {
	if !o.Scenario.Interrupted {
		return nil
	}
	return &o.Injects[n%len(o.Injects)]
}

// Order puts down everything that a try asks of a board.
func (o *Series) Order(s *Subject, a Try) (*Order, error) {
	order := &Order{Board: s.Board, Strategy: s.Strategy, Kernel: s.Kernel, KernelKey: s.KernelKey, Scenario: o.Scenario.Name, Frame: s.Frame,
		Course: o.Course, Inject: a.Inject, Cmdline: strings.TrimSpace(s.Cmdline + " " + o.Scenario.Cmdline)}
	p, err := o.Scenario.plan(runID(s, o.Scenario.Name), s.CPUs, a.Reference, o.Shape)
	if err != nil {
		return nil, err
	}
	p.Symbols = o.symbols(s)
	order.Plan, order.Files, order.ScenarioDigest, order.Sections = p, o.Scenario.Files, o.Scenario.Digest, o.Scenario.Expect
	switch {
	case o.Scenario.PhaseUS > 0:
		order.PhaseUS = uint32(a.N) * o.Scenario.PhaseUS
	case o.Scenario.Interrupted:
		order.PhaseUS = uint32(a.N) * o.PhaseUS
	}
	pending := int64(-1)
	var symbols map[string]uint64
	if ref := a.Ref; ref != nil {
		order.Reference, order.Expected = ref.dir, ref.Expected()
		if g := ref.Grade; g != nil && g.PendingAtProvoke != nil {
			pending = g.PendingAtProvoke.Bytes
		}
		symbols = ref.symbols()
	}
	order.Triggers, err = o.Scenario.triggers(p, a.Inject, pending, symbols, s.Frame.ByteNS())
	if errors.Is(err, errNoPending) {
		cannot := &dut.CannotError{Board: s.Board, What: "an interruption at " + a.Inject.String(), Why: err.Error()}
		if a.Ref != nil && a.Ref.RingWhy != "" {
			cannot.Why += ": " + a.Ref.RingWhy
		}
		err = cannot
	}
	return order, err
}

// Check says what is wrong with a series before anything is booted for it.
func (o *Series) Check() error {
	if o.Scenario.Interrupted && len(o.Injects) == 0 {
		return fmt.Errorf("scenario %s needs a moment to interrupt", o.Scenario.Name)
	}
	_, err := o.Scenario.plan("00000000", max(2, o.Scenario.CPUs), false, o.Shape)
	return err
}

// Can asks a subject's bench whether it can play the series, before anything boots. The moments that only a reference can tell are asked
// about with a stand-in.
func (o *Series) Can(s *Subject) error {
	if s.CPUs < o.Scenario.CPUs {
		return &dut.CannotError{Board: s.Board, What: "scenario " + o.Scenario.Name, Why: fmt.Sprintf("it needs %d CPUs, the machine has %d", o.Scenario.CPUs, s.CPUs)}
	}
	injects := []*Inject{nil}
	for i := range o.Injects {
		if o.Scenario.Interrupted {
			injects = append(injects, &o.Injects[i])
		}
	}
	for _, in := range injects {
		stand := Try{Inject: in, Reference: in == nil && o.Scenario.WantsReference()}
		if in != nil {
			stand.Ref = standIn(o.symbols(s))
		}
		order, err := o.Order(s, stand)
		if err != nil {
			return err
		}
		if err := s.Bench.Can(order); err != nil {
			return err
		}
	}
	return nil
}

// Trial opens a board and conducts one trial on it, in dir.
func (o *Series) Trial(ctx context.Context, s *Subject, a Try, dir string) (*Trial, error) {
	order, err := o.Order(s, a)
	if err != nil {
		return nil, err
	}
	return Conduct(ctx, s.Bench, order, dir)
}

// Voided is a trial that does not count, and why.
type Voided struct {
	Dir string   `json:"dir"`
	Why []string `json:"why"`
	// Overdue is Trial.Overdue: the machine's doing, not the harness's.
	Overdue string `json:"overdue,omitempty"`
}

// Valid repeats a trial until one is not void. It returns nil when the retries are used up, and in any case the void ones. A machine that
// repeats itself and was overdue would be so again, and is not asked. A folder of that name in which a trial was finished is taken as it is;
// one that was not finished is put aside.
func (o *Series) Valid(ctx context.Context, s *Subject, a Try, base, name string) (t *Trial, voids []Voided, err error) {
	for try := 0; try <= o.Retries; try++ {
		dir := filepath.Join(base, name)
		if try > 0 {
			dir += fmt.Sprintf("-again-%d", try)
		}
		if t, err = finished(dir); err != nil {
			return nil, voids, err
		}
		if t == nil {
			if t, err = o.Trial(ctx, s, a, dir); err != nil {
				return nil, voids, err
			}
		}
		if !t.IsVoid() {
			return t, voids, nil
		}
		late := t.Overdue()
		voids = append(voids, Voided{Dir: t.dir, Why: t.Reasons(), Overdue: late})
		if late != "" && s.Repeats {
			break
		}
	}
	return nil, voids, nil
}

// finished is the trial that dir holds, if it was finished and graded; nil if there is none. What is left of an unfinished one is renamed.
func finished(dir string) (*Trial, error) {
	t, err := LoadTrial(dir)
	switch {
	case err == nil && t.Grade != nil:
		return t, nil
	case !Exists(dir):
		return nil, nil
	case err == nil || errors.Is(err, ErrUnfinished) || !Exists(filepath.Join(dir, TrialName)):
		return nil, Aside(dir)
	}
	return nil, err
}

// Aside renames a folder that a session left unfinished, so that its place is free and nothing is lost.
func Aside(dir string) error {
	for i := 1; ; i++ {
		to := fmt.Sprintf("%s.left-%d", dir, i)
		if !Exists(to) {
			return os.Rename(dir, to)
		}
	}
}
