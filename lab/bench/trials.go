// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"sync"

	"lastpage/dut"
	"lastpage/dut/bench"
	"lastpage/harness"
	"lastpage/kernels"
	"lastpage/kernels/plan"
)

// trials opens one board for the trials of one subject, one after the other.
type trials struct {
	board string
	entry *Entry
	img   *kernels.Image
	// drivers are those of a crash kernel.
	drivers []string
	mu      sync.Mutex // held while the board is open
}

// Rest implements harness.Bench.
func (t *trials) Rest() {}

// Can implements harness.Bench.
func (t *trials) Can(o *harness.Order) error {
	if c := o.Course; c != nil && c.How != harness.OwnWay {
		return &dut.CannotError{Board: o.Board, What: "courses by " + string(c.How), Why: "a board never repeats itself: each trial is one of its own"}
	}
	if d := t.entry.Dump; d != nil && d.Kdump != nil && o.Plan.DieAt == plan.StepCrashExec {
		return &dut.CannotError{Board: o.Board, What: "scenario " + o.Scenario, Why: "it loads a crash kernel of its own, and this board's brings the dump"}
	}
	s, err := t.entry.setup(t.board)
	if err != nil {
		return err
	}
	return s.Can(o.Triggers)
}

// Open implements harness.Bench.
func (t *trials) Open(ctx context.Context, o *harness.Order) (*dut.Board, error) {
	t.mu.Lock()
	b, err := t.open(ctx, o)
	if err != nil {
		t.mu.Unlock()
		return nil, err
	}
	board := *b
	return dut.New(board, func() error {
		defer t.mu.Unlock()
		return b.Close()
	}), nil
}

func (t *trials) open(ctx context.Context, o *harness.Order) (*dut.Board, error) {
	s, err := t.entry.setup(t.board)
	if err != nil {
		return nil, err
	}
	s.Facts = map[string]string{"kernel": t.img.Release, "kernel_key": t.img.Key}
	for _, pkg := range t.img.Packages {
		s.Facts["package "+pkg.Package] = pkg.Version
	}
	for name, what := range t.img.Origin {
		s.Facts[name] = what
	}
	p := overConsole(*o.Plan)
	initrd, err := t.entry.pack(s, t.img, p, t.drivers, nil)
	if err != nil {
		return nil, err
	}
	return bench.Open(ctx, s, bench.Payload{Kernel: t.img.Vmlinuz, Initrd: initrd, Cmdline: o.Cmdline, Plan: p})
}

// overConsole is a plan for a machine without a doorbell and without a second channel.
func overConsole(p plan.Plan) *plan.Plan {
	p.Doorbell = plan.Doorbell{}
	p.Report, p.OpenConsole = plan.ReportConsole, false // the report's own descriptor keeps it open
	return &p
}
