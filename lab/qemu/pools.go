// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"lastpage/dut"
	"lastpage/dut/qemu"
	"lastpage/harness"
	"lastpage/kernels"
	"lastpage/lab/wiretest"
)

// bench opens the boards of one subject. It has a pool for each command line: each is fast-forwarded only if that very command line was accepted.
type bench struct {
	setup        qemu.Setup
	fast, accept bool
	own          string // the subject's command line, without what a scenario adds
	img          *kernels.Image
	tell         io.Writer

	mu sync.Mutex
	of map[string]*qemu.Pool
}

func (b *bench) get(ctx context.Context, cmdline string) (*qemu.Pool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if pool := b.of[cmdline]; pool != nil {
		return pool, nil
	}
	setup := b.setup
	if b.fast {
		var err error
		if setup.FastForward, err = b.accepted(ctx, cmdline); err != nil {
			return nil, err
		}
	}
	pool, err := qemu.NewPool(ctx, &setup, b.tell)
	if err == nil {
		b.of[cmdline] = pool
	}
	return pool, err
}

// accepted says whether fast-forward changes nothing for this kernel and command line. Not knowing is no. A command line that only one or
// two scenarios use is not worth finding out for: that takes as long as their trials.
func (b *bench) accepted(ctx context.Context, cmdline string) (bool, error) {
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

// Rest implements harness.Bench.
func (b *bench) Rest() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, pool := range b.of {
		pool.Close()
	}
	clear(b.of)
}

// Can implements harness.Bench.
func (b *bench) Can(o *harness.Order) error { return qemu.Can(o.Board, o.Triggers) }

// Open implements harness.Bench.
func (b *bench) Open(ctx context.Context, o *harness.Order) (*dut.Board, error) {
	var initrd bytes.Buffer
	if err := kernels.WriteInitramfs(&initrd, b.img, o.Plan, nil); err != nil {
		return nil, err
	}
	pool, err := b.get(ctx, o.Cmdline)
	if err != nil {
		return nil, err
	}
	board, err := pool.Open(ctx, qemu.Payload{Kernel: b.img.Vmlinuz, Initrd: initrd.Bytes(), Cmdline: o.Cmdline})
	if err != nil {
		return nil, err
	}
	board.Facts["kernel"] = b.img.Release
	board.Facts["kernel_key"] = b.img.Key
	for _, pkg := range b.img.Packages {
		board.Facts["package "+pkg.Package] = pkg.Version
	}
	for name, what := range b.img.Origin {
		board.Facts[name] = what
	}
	return board, nil
}
