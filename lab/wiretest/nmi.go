// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"lastpage/kernels/plan"
)

// snapshots is a setup whose trials start from a snapshot of the armed guest.
func (t *test) snapshots(ctx context.Context, kernel string, cpus, backlog int) (*guest, error) {
	img, err := t.image(ctx, kernel)
	if err != nil {
		return nil, err
	}
	setup := t.exact(cpus)
	setup.Snapshot = true
	return newGuest(ctx, img, setup, planned(cpus, backlog, plan.ProvokeWarn), "115200", "", teller{t.Tell})
}

// nmi repeats a trial in which an NMI panics the guest at one byte of the wire, from a snapshot.
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
	sums := map[string]int{}
	var wrong []string
	bytes, hit := 0, 0
	for i := range n {
		t.Tell("nmi: smp %d: trial %d of %d", cpus, i+1, n)
		s, err := g.shoot(ctx, at, false)
		if err != nil {
			return err
		}
		sums[s.sum()]++
		bytes = len(s.Wire)
		wrong = append(wrong, s.Void...)
		if s.NMI != nil && s.NMI.WireByte == s.From+at && s.Over {
			hit++
		}
	}
	f := judge("nmi", fmt.Sprintf("NMI at byte %d of the flush, smp %d", at, cpus), len(sums) == 1 && hit == n && len(wrong) == 0,
		"the same bytes and times in every trial, panic to its end", "%d of %d at that very byte and to the end, %d different wires of %d bytes%s",
		hit, n, len(sums), bytes, tail(wrong))
	f.Digests = map[string]string{}
	for sum := range sums {
		f.Digests[fmt.Sprintf("wire %d", len(f.Digests)+1)] = sum
	}
	t.add(f.with(map[string]float64{"trials": float64(n), "hit": float64(hit), "different": float64(len(sums)), "bytes": float64(bytes)}))
	return nil
}

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
	var mu sync.Mutex
	next, failed := 1, error(nil)
	var workers sync.WaitGroup
	for range max(1, min(runtime.NumCPU(), 8)) {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for {
				mu.Lock()
				i := next
				next++
				stop := failed != nil || i >= n
				mu.Unlock()
				if stop {
					return
				}
				row, err := g.swept(ctx, int64(first+i))
				mu.Lock()
				rows[i] = row
				if err != nil && failed == nil {
					failed = err
				}
				t.Tell("sweep: byte %d of %d", i+1, n)
				mu.Unlock()
			}
		}()
	}
	workers.Wait()
	took := time.Since(start)
	if failed != nil {
		return failed
	}
	var tsv bytes.Buffer
	fmt.Fprintln(&tsv, "nmi_byte\tnmi_ns\tstored_records\tintact_records\twarn_lines\tpanic_to_its_end\twire_bytes\thost_s\tvoid")
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
		"%d of %d valid, panic to its end in %d, %.1f min, %.0f trials an hour", good, n, over, took.Minutes(), perHour).
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
		r.ns, r.hit = s.NMI.NS, s.NMI.WireByte == s.From+at
	}
	if r.a, err = s.agree(0); err != nil {
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
