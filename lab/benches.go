package lab

import (
	"context"
	"fmt"
	"io"
	"sync"

	"lastpage/dut/qemu"
	"lastpage/kernels"
	"lastpage/lab/wiretest"
)

// benches are the benches of one subject, one for each command line: each is fast-forwarded only if that very command line was accepted.
type benches struct {
	setup        qemu.Setup
	fast, accept bool
	own          string // the subject's command line, without what a scenario adds
	img          *kernels.Image
	tell         io.Writer

	mu sync.Mutex
	of map[string]*qemu.Bench
}

func (b *benches) get(ctx context.Context, cmdline string) (*qemu.Bench, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bench := b.of[cmdline]; bench != nil {
		return bench, nil
	}
	setup := b.setup
	if b.fast {
		var err error
		if setup.FastForward, err = b.accepted(ctx, cmdline); err != nil {
			return nil, err
		}
	}
	bench, err := qemu.NewBench(ctx, &setup, b.tell)
	if err == nil {
		b.of[cmdline] = bench
	}
	return bench, err
}

// accepted says whether fast-forward changes nothing for this kernel and command line. Not knowing is no. A command line that only one or
// two scenarios use is not worth finding out for: that takes as long as their trials.
func (b *benches) accepted(ctx context.Context, cmdline string) (bool, error) {
	if !b.accept || cmdline != b.own {
		return wiretest.Accepted(ctx, b.setup, b.img, cmdline)
	}
	tell := b.tell
	if tell == nil {
		tell = io.Discard
	}
	a, err := wiretest.Accept(ctx, b.setup, b.img, cmdline, wiretest.FewPoints, tell)
	if err != nil {
		return false, err
	}
	if !a.Passed {
		fmt.Fprintf(tell, "no fast-forward: %s\n", a.Why)
	}
	return a.Passed, nil
}

func (b *benches) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, bench := range b.of {
		bench.Close()
	}
	clear(b.of)
}
