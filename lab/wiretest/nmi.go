// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"context"
	"fmt"

	"lastpage/kernels"
	"lastpage/kernels/plan"
)

// snapshots is a setup whose trials start from a snapshot of the armed guest, with fast-forward if it is accepted for this kernel.
func (t *test) snapshots(ctx context.Context, kernel string, cpus, backlog int) (*guest, error) {
	img, err := t.image(ctx, kernel)
	if err != nil {
		return nil, err
	}
	setup := t.exact(cpus)
	setup.Snapshot = true
	if setup.FastForward, err = t.accepted(ctx, img, cpus); err != nil {
		return nil, err
	}
	return newGuest(ctx, img, setup, planned(cpus, backlog, plan.ProvokeWarn), img.Cmdline, teller{t.Tell})
}

// accepted tells whether this kernel may be fast-forwarded here.
func (t *test) accepted(ctx context.Context, img *kernels.Image, cpus int) (bool, error) {
	setup := t.exact(cpus)
	setup.Snapshot = true
	a, err := Accept(ctx, setup, img, img.Cmdline, FewPoints, teller{t.Tell})
	if err != nil {
		return false, err
	}
	return a.Passed, nil
}

// shootOrPlain is how the i-th trial of a series is made: where there is fast-forward, every fourth does without.
func (g *guest) shootOrPlain(i int) func(context.Context, int64, bool) (*shot, error) {
	if i%4 == 0 {
		return g.plain
	}
	return g.shoot
}

// nmi repeats a trial in which an NMI panics the guest at one byte of the wire, from a snapshot. Every fourth trial is made without
// fast-forward; they must all be alike.
func nmi(ctx context.Context, t *test) error {
	const at = 20000
	for _, cpus := range []int{1, 2} {
		g, err := t.snapshots(ctx, t.Kernel, cpus, lossBacklog)
		if err != nil {
			return err
		}
		err = t.nmiRepeats(ctx, g, cpus, at)
		g.bench.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *test) nmiRepeats(ctx context.Context, g *guest, cpus int, at int64) error {
	n := t.trials(20, 3)
	sums := counted{}
	var wrong []string
	bytes, hit := 0, 0
	for i := range n {
		t.Tell("nmi: smp %d: trial %d of %d", cpus, i+1, n)
		s, err := g.shootOrPlain(i)(ctx, at, false)
		if err != nil {
			return err
		}
		sums[s.sum()]++
		bytes = len(s.Wire)
		wrong = append(wrong, s.Void...)
		if s.NMI != nil && int64(s.NMI.WireByte) == s.From+at && s.Over {
			hit++
		}
	}
	f := judge("nmi", fmt.Sprintf("NMI at byte %d of the flush, smp %d", at, cpus), len(sums) == 1 && hit == n && len(wrong) == 0,
		"the same bytes and times in every trial, panic to its end", "%d of %d at that very byte and to the end, %d different wires of %d bytes%s%s",
		hit, n, len(sums), bytes, g.how(), tail(wrong))
	f.Digests = sums.digests()
	t.add(f.with(map[string]float64{"trials": float64(n), "hit": float64(hit), "different": float64(len(sums)), "bytes": float64(bytes)}))
	return nil
}

// how names what the trials were made with.
func (g *guest) how() string {
	if g.setup.FastForward {
		return ", fast-forward in 3 of 4"
	}
	return ", no fast-forward"
}
