// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// speedBacklog makes about 75 kB of wire behind the snapshot.
const speedBacklog = 735

// speed measures host time. Nothing is demanded of it: it depends on the host and on what else runs there.
func speed(ctx context.Context, t *test) error {
	for _, cpus := range []int{1, 2} {
		if err := t.speedOf(ctx, cpus); err != nil {
			return err
		}
	}
	return nil
}

func (t *test) speedOf(ctx context.Context, cpus int) error {
	img, err := t.image(ctx, t.Kernel)
	if err != nil {
		return err
	}
	setup := t.exact(cpus)
	setup.Snapshot, setup.FastForward = true, true
	g, err := newGuest(ctx, img, setup, planned(cpus, speedBacklog, "warn"), img.Cmdline, teller{t.Tell})
	if err != nil {
		return err
	}
	defer g.bench.Close()
	t.Tell("speed: smp %d: taking the snapshot", cpus)
	first, err := g.shoot(ctx, 0, false)
	if err != nil {
		return err
	}
	able := first.Audit["ff_state"] == 1
	kinds := []struct {
		name  string
		shoot func(context.Context, int64, bool) (*shot, error)
	}{{"plain", g.plain}, {"fast-forward", g.shoot}}
	for _, k := range kinds {
		if k.name != "plain" && !able {
			t.add(unknown("speed", fmt.Sprintf("a trial, smp %d, %s", cpus, k.name), errNoFastForward))
			continue
		}
		if err := t.ratio(ctx, cpus, k.name, k.shoot); err != nil {
			return err
		}
		for _, qemus := range []int{1, 2} {
			if err := t.perHour(ctx, cpus, qemus, k.name, int64(len(first.Wire))-first.From, k.shoot); err != nil {
				return err
			}
		}
	}
	return nil
}

// ratio compares the host time of an uninterrupted trial with the time its bytes take on the wire.
func (t *test) ratio(ctx context.Context, cpus int, kind string, shoot func(context.Context, int64, bool) (*shot, error)) error {
	n := t.trials(5, 2)
	var host []float64
	var wire float64
	bytes := 0
	for i := range n {
		t.Tell("speed: smp %d, %s: trial %d of %d", cpus, kind, i+1, n)
		s, err := shoot(ctx, 0, false)
		if err != nil {
			return err
		}
		if len(s.Void) > 0 || s.From < 0 {
			return fmt.Errorf("a trial is void: %q", s.Void)
		}
		host = append(host, s.Host.Seconds())
		bytes = len(s.Wire) - int(s.From)
		wire = float64(s.Ends[len(s.Ends)-1]-s.Ends[max(s.From-1, 0)]) / 1e9
	}
	slices.Sort(host)
	mid := host[len(host)/2]
	f := Fact{Part: "speed", Name: fmt.Sprintf("a trial from a snapshot, smp %d, %s", cpus, kind), Verdict: Figure,
		Got: fmt.Sprintf("%.2f s host (median of %d, %.2f to %.2f) for %.2f s of wire (%d bytes): ratio %.2f", mid, n, host[0], host[n-1], wire, bytes, mid/wire)}
	t.add(f.with(map[string]float64{"host_s": mid, "wire_s": wire, "bytes": float64(bytes), "ratio": mid / wire, "trials": float64(n)}))
	return nil
}

// perHour makes NMI trials at bytes spread over the flush, ringbuffer read included, with so many QEMUs at a time.
func (t *test) perHour(ctx context.Context, cpus, qemus int, kind string, flush int64, shoot func(context.Context, int64, bool) (*shot, error)) error {
	n := 20
	if t.Quick {
		n = 4
	}
	start := time.Now()
	err := each(ctx, n, qemus, func(ctx context.Context, i int) error {
		t.Tell("speed: smp %d, %s, %d QEMUs: trial %d of %d", cpus, kind, qemus, i+1, n)
		s, err := shoot(ctx, max(1, flush*int64(i)/int64(n)), true)
		if err == nil && len(s.Void) > 0 {
			err = fmt.Errorf("a trial is void: %q", s.Void)
		}
		if err == nil && s.Ring == nil {
			err = errors.New(s.RingNo)
		}
		return err
	})
	if err != nil {
		return err
	}
	rate := float64(n) / time.Since(start).Hours()
	f := Fact{Part: "speed", Name: fmt.Sprintf("NMI trials, smp %d, %s, %d QEMU", cpus, kind, qemus), Verdict: Figure,
		Got: fmt.Sprintf("%.0f an hour (%d trials in %.1f s)", rate, n, time.Since(start).Seconds())}
	t.add(f.with(map[string]float64{"trials_per_hour": rate, "trials": float64(n), "host_s": time.Since(start).Seconds()}))
	return nil
}
