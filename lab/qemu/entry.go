// SPDX-License-Identifier: Apache-2.0

// Package qemu is the kind of board that needs no cable: QEMU with a UART that has a baud rate. It is the only part of the lab that opens
// dut/qemu.
package qemu

import (
	"context"
	"fmt"
	"io"

	"lastpage/capture/wire"
	"lastpage/dut/qemu"
	"lastpage/harness"
	"lastpage/lab/kind"
)

// Entry is a QEMU board as the inventory describes it.
type Entry struct {
	CPUs        int       `yaml:"cpus" json:"cpus"`
	Memory      int       `yaml:"memory" json:"memory_mib"` // MiB
	Wire        qemu.Mode `yaml:"wire" json:"wire"`
	Shift       int       `yaml:"shift" json:"shift"` // a guest instruction takes 2^shift ns (exact wire)
	Seed        uint64    `yaml:"seed" json:"seed"`
	FastForward bool      `yaml:"fast-forward" json:"fast_forward"`
	Snapshot    bool      `yaml:"snapshot" json:"snapshot"`
	Binary      string    `yaml:"binary" json:"binary,omitempty"` // of QEMU; empty: from PATH
}

// Complete implements kind.Entry.
func (e *Entry) Complete() error {
	if e.CPUs == 0 {
		e.CPUs = 2
	}
	if e.Memory == 0 {
		e.Memory = 256
	}
	if e.Wire == "" {
		e.Wire = qemu.Exact
	}
	if e.Shift == 0 {
		e.Shift = 4
	}
	if e.Seed == 0 {
		e.Seed = 7
	}
	switch {
	case e.CPUs < 1 || e.CPUs > 8:
		return fmt.Errorf("cpus %d: want 1 to 8", e.CPUs)
	case e.Memory < 64 || e.Memory > 2048:
		return fmt.Errorf("memory %d: want 64 to 2048 MiB", e.Memory)
	case e.Shift < 0 || e.Shift > 10:
		return fmt.Errorf("shift %d: want 1 to 10", e.Shift)
	}
	switch e.Wire {
	case qemu.Exact, qemu.Concurrent:
	default:
		return fmt.Errorf("wire %q: want exact or concurrent", e.Wire)
	}
	if e.Wire != qemu.Exact && (e.FastForward || e.Snapshot) {
		return fmt.Errorf("wire %s: fast-forward and snapshot need the exact wire", e.Wire)
	}
	return nil
}

// Shown implements kind.Entry.
func (e *Entry) Shown() kind.Shown { return kind.Shown{CPUs: e.CPUs, Wire: string(e.Wire)} }

// UseWire implements kind.Entry. A wire that is not exact has neither snapshots nor fast-forward.
func (e *Entry) UseWire(mode string) error {
	e.Wire = qemu.Mode(mode)
	if e.Wire != qemu.Exact {
		e.Snapshot, e.FastForward = false, false
	}
	setup := e.setup("", 0)
	return setup.Check()
}

// Courses implements kind.Entry. Courses that branch from one boot are one draw of it, so that nobody gets them unasked.
func (e *Entry) Courses() harness.How {
	if e.Wire != qemu.Exact {
		return harness.OwnWay
	}
	return harness.Booted
}

// CanSweep implements kind.Entry.
func (e *Entry) CanSweep() error {
	if !e.Snapshot {
		return fmt.Errorf("a sweep needs a board that starts from a snapshot")
	}
	return nil
}

func (e *Entry) setup(board string, baud int) qemu.Setup {
	return qemu.Setup{Name: board, Binary: e.Binary, Mode: e.Wire, CPUs: e.CPUs, MemMiB: e.Memory, Shift: e.Shift, Seed: e.Seed, Baud: baud,
		Snapshot: e.Snapshot}
}

// Ready implements kind.Entry.
func (e *Entry) Ready(ctx context.Context, o kind.Options) error {
	setup := e.setup("", o.Baud)
	_, err := qemu.NewPool(ctx, &setup, o.Progress)
	return err
}

// Bench implements kind.Entry.
func (e *Entry) Bench(ctx context.Context, board string, k kind.Kernel, o kind.Options) (*kind.Made, error) {
	setup := e.setup(board, o.Baud)
	if setup.Mode == qemu.Exact && k.Entry.ExactCPUs > 0 {
		setup.CPUs = min(setup.CPUs, k.Entry.ExactCPUs)
	}
	line, err := cmdline(k.Image.Cmdline, k.Cmdline, o.Baud)
	if err != nil {
		return nil, err
	}
	b := &bench{setup: setup, fast: e.FastForward, accept: o.Accept, own: line, img: k.Image, tell: o.Progress, fasts: map[string]bool{}}
	if b.tell == nil {
		b.tell = io.Discard
	}
	if o.Accept == kind.AcceptOne { // now, since other kernels are made ready at the same time; more are worth waiting for their first use
		_, b.first = b.fastForward(ctx, line, false)
	}
	return &kind.Made{Cmdline: line, Frame: wire.Frame{Baud: o.Baud, Bits: 10}, CPUs: setup.CPUs, Mode: string(e.Wire), Repeats: e.Wire == qemu.Exact,
		Names: symbols, Bench: b}, nil
}
