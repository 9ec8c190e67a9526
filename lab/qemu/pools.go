// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"lastpage/dut"
	"lastpage/dut/qemu"
	"lastpage/harness"
	"lastpage/kernels"
	"lastpage/lab/wiretest"
)

// bench opens the boards of one subject. It has a pool for each command line: each is fast-forwarded only if that very command line was accepted.
type bench struct {
	setup  qemu.Setup
	fast   bool
	accept int    // comparisons that are made where none was
	own    string // the subject's command line, without what a scenario adds
	img    *kernels.Image
	tell   io.Writer

	mu    sync.Mutex
	fasts map[string]bool // command line -> accepted
	// first is why the acceptance that Bench made did not come to its end. It is the first trial's fault to tell: a kernel that dies in it
	// is a finding about that kernel. A boot that repeats itself is every trial's.
	first error
	// proved: a boot of such a kernel was the same without fast-forward.
	proved bool
	pools  []*pool // oldest use first
	// initrds are those that were made last, oldest first.
	initrds []initramfs
}

// pool is the pool of one way to boot.
type pool struct {
	*qemu.Pool
	cmdline string
	course  harness.Course // as far as it changes the boot
}

// keepPools bounds the memory that the snapshots of booted courses take: each course has its own.
const keepPools = 6

// get gives the pool that p is opened by.
func (b *bench) get(ctx context.Context, o *harness.Order, p qemu.Payload) (*qemu.Pool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var course harness.Course
	if o.Course != nil {
		course = harness.Course{Entropy: o.Course.Entropy, ClockS: o.Course.ClockS}
	}
	for i, has := range b.pools {
		if has.cmdline == o.Cmdline && has.course == course {
			b.pools = append(slices.Delete(b.pools, i, i+1), has)
			return has.Pool, nil
		}
	}
	setup := b.setup
	if course.Entropy != 0 {
		setup.Seed = course.Entropy
	}
	setup.Later = time.Duration(course.ClockS) * time.Second
	if course != (harness.Course{}) {
		if err := b.comes(ctx, setup, p); err != nil {
			return nil, err
		}
	}
	var err error
	if setup.FastForward, err = b.fastForward(ctx, o.Cmdline, course != harness.Course{}); err != nil {
		return nil, err
	}
	made, err := qemu.NewPool(ctx, &setup, b.tell)
	if err != nil {
		return nil, err
	}
	if len(b.pools) == keepPools {
		b.pools[0].Close()
		b.pools = b.pools[1:]
	}
	b.pools = append(b.pools, &pool{made, o.Cmdline, course})
	return made, nil
}

// fastForward says once for each command line whether its guests are fast-forwarded. other: the trial's boot is another than an acceptance's.
func (b *bench) fastForward(ctx context.Context, cmdline string, other bool) (bool, error) {
	if !b.fast || b.img.Probe == "" { // the comparisons are made with the probe
		return false, nil
	}
	if fast, known := b.fasts[cmdline]; known {
		return fast, nil
	}
	if err := b.first; err != nil && cmdline == b.own {
		switch repeats := b.again(err); {
		case repeats && other: // it is tried all the same
			return false, nil
		case !repeats:
			b.first = nil
		}
		return false, err
	}
	fast, err := b.accepted(ctx, cmdline)
	if err == nil {
		b.fasts[cmdline] = fast
	} else if cmdline == b.own && b.again(err) {
		b.first = err
	}
	return fast, err
}

// again says whether the same boot would come to the same error.
func (b *bench) again(err error) bool {
	var boot *dut.BootError
	return b.setup.Mode == qemu.Exact && errors.As(err, &boot)
}

// accepted says whether fast-forward changes nothing for this kernel and command line. Not knowing is no. A command line that only one or
// two scenarios use is not worth finding out for: that takes as long as their trials.
func (b *bench) accepted(ctx context.Context, cmdline string) (bool, error) {
	fast, err := wiretest.Accepted(ctx, b.setup, b.img, cmdline)
	if fast || err != nil || b.accept == 0 || cmdline != b.own {
		return fast, err
	}
	a, err := wiretest.Accept(ctx, b.setup, b.img, cmdline, b.accept, b.tell)
	if err != nil {
		return false, err
	}
	if !a.Passed {
		fmt.Fprintf(b.tell, "no fast-forward: %s\n", a.Why)
	}
	return a.Passed, nil
}

// Rest implements harness.Bench.
func (b *bench) Rest() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.pools {
		p.Close()
	}
	b.pools = nil
}

// Can implements harness.Bench.
func (b *bench) Can(o *harness.Order) error {
	if c := o.Course; c != nil {
		cannot := &dut.CannotError{Board: o.Board, What: "courses by " + string(c.How)}
		switch {
		case b.setup.Mode == qemu.Exact && c.How == harness.OwnWay:
			cannot.Why = "its wire is exact, so that every trial would be the same: have them by boot or branch"
			return cannot
		case b.setup.Mode != qemu.Exact && c.How != harness.OwnWay:
			cannot.Why = "it never repeats itself, so that a course cannot be drawn for it: each trial is one of its own"
			return cannot
		case c.How == harness.Branched && !b.setup.Snapshot:
			cannot.Why = "it has no snapshot to branch from"
			return cannot
		}
	}
	return qemu.Can(o.Board, o.Triggers)
}

// Open implements harness.Bench.
func (b *bench) Open(ctx context.Context, o *harness.Order) (*dut.Board, error) {
	initrd, err := b.initramfs(o)
	if err != nil {
		return nil, err
	}
	p := qemu.Payload{Kernel: b.img.Vmlinuz, Initrd: initrd, Cmdline: o.Cmdline}
	pool, err := b.get(ctx, o, p)
	if err != nil {
		return nil, err
	}
	board, err := pool.Open(ctx, p)
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
