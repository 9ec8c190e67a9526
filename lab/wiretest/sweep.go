// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// sweep moves the NMI over consecutive bytes of a backlog's flush, with as many QEMUs as there are CPUs.
func sweep(ctx context.Context, t *test) error {
	g, err := t.snapshots(ctx, t.Kernel, 2, 200)
	if err != nil {
		return err
	}
	defer g.bench.Close()
	const first = 4001
	n := 1000
	if t.Quick {
		n = 10
	}
	rows := make([]*sweepRow, n)
	t.Tell("sweep: taking the snapshot")
	if rows[0], err = g.swept(ctx, first); err != nil {
		return err
	}
	start := time.Now()
	err = each(ctx, n-1, max(1, min(runtime.NumCPU(), 8)), func(ctx context.Context, i int) error {
		t.Tell("sweep: byte %d of %d", i+2, n)
		row, err := g.swept(ctx, int64(first+i+1))
		rows[i+1] = row
		return err
	})
	if err != nil {
		return err
	}
	took := time.Since(start)
	var tsv bytes.Buffer
	fmt.Fprintln(&tsv, "nmi_byte\tnmi_ns\tvisible_records\tintact_records\twarn_lines\tpanic_to_its_end\twire_bytes\thost_s\tvoid")
	good, over := 0, 0
	for _, r := range rows {
		fmt.Fprintf(&tsv, "%d\t%d\t%d\t%d\t%d\t%t\t%d\t%.3f\t%q\n", r.at, r.ns, r.a.Records, r.a.Intact, r.warn, r.over, r.bytes, r.host, r.void)
		if len(r.void) == 0 && r.hit {
			good++
		}
		if r.over {
			over++
		}
	}
	t.write("sweep.tsv", tsv.Bytes())
	perHour := float64(n-1) / took.Hours()
	t.add(judge("sweep", fmt.Sprintf("%d consecutive bytes of a flush, smp 2", n), good == n, "every NMI at its very byte, none void",
		"%d of %d valid, panic to its end in %d, %.1f min, %.0f trials an hour (fast-forward: %t)", good, n, over, took.Minutes(), perHour,
		g.setup.FastForward).
		with(map[string]float64{"trials": float64(n), "valid": float64(good), "panic_to_its_end": float64(over), "host_s": took.Seconds(), "trials_per_hour": perHour}))
	return nil
}

// sweepRow is one line of the sweep's file.
type sweepRow struct {
	at, ns    int64
	a         agreement
	warn      int // lines of the WARN on the wire, from "cut here" to "end trace"
	over, hit bool
	bytes     int
	host      float64
	void      []string
}

func (g *guest) swept(ctx context.Context, at int64) (*sweepRow, error) {
	s, err := g.shoot(ctx, at, true)
	if err != nil {
		return nil, err
	}
	r := &sweepRow{at: at, over: s.Over, bytes: len(s.Wire), host: s.Host.Seconds(), void: s.Void}
	if s.NMI != nil {
		r.ns, r.hit = s.NMI.NS, int64(s.NMI.WireByte) == s.From+at
	}
	if r.a, err = s.agree(g.plan.ConsoleLoglevel); err != nil {
		r.void = append(r.void, err.Error())
	}
	r.warn = warnLines(s.Wire[max(s.From, 0):])
	return r, nil
}

// warnLines counts whole lines of the WARN: from its first one to its end trace or the panic's first line.
func warnLines(wire []byte) int {
	from := bytes.Index(wire, []byte("[ cut here ]"))
	if from < 0 {
		return 0
	}
	n := 0
	for _, line := range bytes.SplitAfter(wire[from:], []byte("\n")) {
		switch {
		case bytes.Contains(line, []byte("Kernel panic")):
			return n
		case !bytes.HasSuffix(line, []byte("\n")) || bytes.Contains(line, []byte("lastpage "+runID+" b ")):
			continue
		}
		n++
		if bytes.Contains(line, []byte("---[ end trace")) {
			return n
		}
	}
	return n
}

// each calls f for 0 to n-1 from so many goroutines, and returns the first error; after one no more calls begin.
func each(ctx context.Context, n, workers int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	next := 0
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, next <= n && ctx.Err() == nil
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for {
				i, ok := take()
				if !ok {
					return
				}
				if err := f(ctx, i); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
