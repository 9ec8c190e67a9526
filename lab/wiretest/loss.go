// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lastpage/dut/qemu"
	"lastpage/kernels/plan"
)

// lossBacklog is the backlog of these trials in records; with boot and WARN about 75 kB of wire, 6.5 s at 115200 baud.
const lossBacklog = 400

const hogCount = 4

// loss repeats one trial while four CPU hogs run beside it, and looks for a byte that is not where it should be.
func loss(ctx context.Context, t *test) error {
	img, err := t.image(ctx, t.Kernel)
	if err != nil {
		return err
	}
	stop, err := hogs(hogCount)
	if err != nil {
		return err
	}
	defer stop()
	for _, cpus := range []int{1, 2} {
		setup := t.exact(cpus)
		if setup.FastForward, err = t.accepted(ctx, img, cpus); err != nil {
			return err
		}
		g, err := newGuest(ctx, img, setup, planned(cpus, lossBacklog, plan.ProvokeWarn), img.Cmdline, teller{t.Tell})
		if err != nil {
			return err
		}
		err = t.lossExact(ctx, g, cpus)
		g.bench.Close()
		if err != nil {
			return err
		}
	}
	setup := t.exact(2)
	setup.Mode = qemu.Concurrent
	g, err := newGuest(ctx, img, setup, planned(2, lossBacklog, plan.ProvokeWarn), img.Cmdline, teller{t.Tell})
	if err != nil {
		return err
	}
	defer g.bench.Close()
	return t.lossConcurrent(ctx, g)
}

// together makes n trials, as many at a time as there are hogs: four of those leave a single QEMU little of a small machine.
func (t *test) together(ctx context.Context, g *guest, name string, n int) ([]*shot, error) {
	shots := make([]*shot, n)
	err := each(ctx, n, hogCount, func(ctx context.Context, i int) error {
		t.Tell("loss: %s: trial %d of %d", name, i+1, n)
		var err error
		shots[i], err = g.shootOrPlain(i)(ctx, 0, true)
		return err
	})
	return shots, err
}

// lossExact boots every trial anew: from power-on to the last byte nothing may differ, with fast-forward or without.
func (t *test) lossExact(ctx context.Context, g *guest, cpus int) error {
	name := fmt.Sprintf("exact, smp %d, 4 CPU hogs", cpus)
	n := t.trials(50, 3)
	var good, bytes, records, lost int
	var wrong []string
	var host float64
	sums := counted{}
	shots, err := t.together(ctx, g, name, n)
	if err != nil {
		return err
	}
	for i, s := range shots {
		a, err := s.agree(g.plan.ConsoleLoglevel)
		sums[s.sum()]++
		bytes, records, host = len(s.Wire), a.Records, host+s.Host.Seconds()
		lost += a.Records - a.Intact
		switch {
		case err != nil:
			wrong = append(wrong, err.Error())
		case len(s.Void) > 0:
			wrong = append(wrong, s.Void...)
		case !s.Over:
			wrong = append(wrong, "the WARN was never over")
		case !a.whole():
			wrong = append(wrong, a.String())
		default:
			good++
			continue
		}
		t.keep(fmt.Sprintf("loss-exact-smp%d-%d", cpus, i+1), s)
	}
	f := judge("loss", name, good == n && len(sums) == 1, "no byte lost, ring = wire, one SHA for all",
		"%d of %d trials whole (%d records, %d bytes each), %d records lost, %d different SHA%s%s", good, n, records, bytes, lost, len(sums), g.how(), tail(wrong))
	f.Digests = sums.digests()
	t.add(f.with(map[string]float64{"trials": float64(n), "whole": float64(good), "records": float64(records), "bytes": float64(bytes),
		"records_lost": float64(lost), "different": float64(len(sums)), "host_s_per_trial": host / float64(n)}))
	return nil
}

// lossConcurrent: a trial may be void, as the host's stalls reach the guest. One that is not must be whole.
func (t *test) lossConcurrent(ctx context.Context, g *guest) error {
	n := t.trials(50, 3)
	var whole, void, lossy int
	why := map[string]int{}
	var wrong []string
	shots, err := t.together(ctx, g, "concurrent", n)
	if err != nil {
		return err
	}
	for i, s := range shots {
		a, err := s.agree(g.plan.ConsoleLoglevel)
		switch {
		case len(s.Void) > 0:
			void++
			for _, v := range s.Void {
				why[digits(v)]++
			}
			continue
		case err != nil:
			void++
			why[err.Error()]++
			continue
		case a.whole():
			whole++
			continue
		}
		lossy++
		wrong = append(wrong, a.String())
		t.keep(fmt.Sprintf("loss-concurrent-%d", i+1), s)
	}
	var reasons []string
	for w, k := range why {
		reasons = append(reasons, fmt.Sprintf("%d x %s", k, w))
	}
	slices.Sort(reasons)
	because := ""
	if len(reasons) > 0 {
		because = " (" + strings.Join(reasons, "; ") + ")"
	}
	t.add(judge("loss", "concurrent, smp 2, 4 CPU hogs", lossy == 0 && whole > 0, "no trial that counts has a loss",
		"%d of %d whole, %d void%s, %d with a loss%s", whole, n, void, because, lossy, tail(wrong)).
		with(map[string]float64{"trials": float64(n), "whole": float64(whole), "void": float64(void), "lossy": float64(lossy)}))
	return nil
}

// digits replaces numbers, so that reasons that differ only in them count as one.
func digits(s string) string {
	var b strings.Builder
	in := false
	for _, r := range s {
		if r >= '0' && r <= '9' {
			if !in {
				b.WriteByte('N')
			}
			in = true
			continue
		}
		in = false
		b.WriteRune(r)
	}
	return b.String()
}

// tail is what went wrong, shortened, as the end of a sentence.
func tail(wrong []string) string {
	if len(wrong) == 0 {
		return ""
	}
	return fmt.Sprintf("; first: %.200s", wrong[0])
}
