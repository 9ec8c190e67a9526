// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"lastpage/capture/pattern"
	"lastpage/dut/bench"
	"lastpage/dut/bench/power"
	"lastpage/kernels/guest"
	"lastpage/kernels/plan"
	"lastpage/lab/kind"
)

// guestStress is where the stressor lies in the initramfs.
const guestStress = "/lastpage/stress"

// Line implements kind.Checker.
func (e *Entry) Line() kind.Line { return kind.Line{Console: e.Console, Baud: e.Baud} }

// Check implements kind.Checker. The guest runs the stressor where a trial would provoke, and has no probe.
func (e *Entry) Check(ctx context.Context, board string, k kind.Kernel, stress time.Duration, tell func(kind.Finding)) (*bench.Calibration, error) {
	s, err := e.setup(board)
	if err != nil {
		return nil, err
	}
	program, err := guest.BuildStress(ctx, nil)
	if err != nil {
		return nil, err
	}
	told := bench.Stress{FromBoard: pattern.NewStream(pattern.Text), ToBoard: pattern.NewStream(pattern.Text), Time: stress}
	p := overConsole(*plan.Default("00000000", 1))
	p.Backlog, p.Provoke, p.Start, p.NoProbe = 0, plan.ProvokeNone, plan.StartNone, true
	p.Run = &plan.Run{Argv: []string{guestStress, "-time", stress.String(), "-send", fmt.Sprint(told.FromBoard.ID), "-hear", fmt.Sprint(told.ToBoard.ID)}, AnyCPU: true}
	drivers, err := e.drivers(ctx, k, nil)
	if err != nil {
		return nil, err
	}
	initrd, err := e.pack(s, k.Image, p, drivers, map[string]string{guestStress: program})
	if err != nil {
		return nil, err
	}
	return bench.Check(ctx, s, bench.Payload{Kernel: k.Image.Vmlinuz, Initrd: initrd, Cmdline: e.line(k), Plan: p}, told,
		func(f bench.Finding) { tell(kind.Finding(f)) })
}

// Off implements kind.Checker.
func (e *Entry) Off(ctx context.Context, board string) error {
	s, err := e.setup(board)
	if err == nil {
		_, err = power.Turn(ctx, s.Power, power.Off, s.Within.Power)
	}
	return err
}

// line is the whole command line of a kernel on this board.
func (e *Entry) line(k kind.Kernel) string {
	line := strings.TrimSpace(k.Image.Cmdline + " " + k.Cmdline + " " + e.Cmdline)
	switch d := e.Dump; {
	case d == nil:
	case d.Kdump != nil:
		line += " crashkernel=" + d.Kdump.Reserve
	case d.Pstore != nil:
		line += " " + d.Pstore.Cmdline()
	case d.RAM != nil:
		line += " " + d.RAM.Cmdline(e.Boot.UBoot.Spoils())
	}
	return strings.Replace(line, "console=ttyS0,115200", "console=ttyS0,"+strconv.Itoa(e.Baud), 1)
}
