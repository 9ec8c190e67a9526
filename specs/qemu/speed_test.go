// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lastpage/dut"
	"lastpage/harness"
	"lastpage/lab/kind"
	"lastpage/specs/kit"
)

// BenchmarkTrial is what a trial of a sweep costs beside its guest's own run: an NMI at moments spread over the backlog, from one snapshot,
// with the ringbuffer read and everything graded. host/guest is the host's time for a trial to that of the guest's run in it, open/guest
// the part until the machine is restored.
func BenchmarkTrial(b *testing.B) {
	for _, qemus := range []int{1, 2} {
		b.Run(fmt.Sprintf("QEMUs=%d", qemus), func(b *testing.B) { sweepTrials(b, qemus) })
	}
}

func sweepTrials(b *testing.B, qemus int) {
	lab := &kit.Lab{Accept: kind.AcceptFew} // as a sweep does
	s, err := lab.Subject(b.Context(), "mainline")
	if err != nil {
		b.Fatal(err)
	}
	defer s.Bench.Rest()
	timed := &stopwatch{Bench: s.Bench}
	s.Bench = timed
	sc, err := harness.FindScenario("warn-nmi-panic")
	if err != nil {
		b.Fatal(err)
	}
	o := harness.Series{Scenario: sc}
	ref, err := o.Trial(b.Context(), s, harness.Try{Reference: true}, filepath.Join(b.TempDir(), "reference"))
	if err != nil {
		b.Fatal(err)
	}
	timed.open.Store(0)
	timed.run.Store(0)
	b.ResetTimer()
	var wg sync.WaitGroup
	var next atomic.Int64
	for range qemus {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				in := harness.Inject{At: "share", Pct: 100 * float64(i) / float64(b.N+1)}
				t, err := o.Trial(b.Context(), s, harness.Try{Inject: &in, Ref: ref}, "")
				if err != nil {
					b.Error(err)
					return
				}
				if t.IsVoid() || t.Grade == nil || t.Grade.Letter == "" {
					b.Errorf("%s: void: %v", in, t.Reasons())
				}
			}
		})
	}
	wg.Wait()
	guest := float64(timed.run.Load())
	b.ReportMetric(float64(b.Elapsed())*float64(qemus)/guest, "host/guest")
	b.ReportMetric(float64(timed.open.Load())/guest, "open/guest")
	b.ReportMetric(float64(b.N)/b.Elapsed().Hours(), "trials/h")
}

// stopwatch is a bench that knows how long its boards took to open, and their machines to run, in ns of the host.
type stopwatch struct {
	harness.Bench
	open, run atomic.Int64
}

func (s *stopwatch) Open(ctx context.Context, o *harness.Order) (*dut.Board, error) {
	begun := time.Now()
	b, err := s.Bench.Open(ctx, o)
	s.open.Add(int64(time.Since(begun)))
	if err == nil {
		b.Machine = runner{b.Machine, &s.run}
	}
	return b, err
}

type runner struct {
	dut.Machine
	took *atomic.Int64
}

func (r runner) Run(ctx context.Context) (dut.End, error) {
	begun := time.Now()
	defer func() { r.took.Add(int64(time.Since(begun))) }()
	return r.Machine.Run(ctx)
}
