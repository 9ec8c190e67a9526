// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	"strconv"
	"strings"

	"lastpage/dut/bench"
	"lastpage/kernels"
	"lastpage/kernels/plan"
	"lastpage/lab/kind"
)

// Check implements kind.Checker.
func (e *Entry) Check(ctx context.Context, board string, k kind.Kernel, tell func(kind.Finding)) error {
	s, err := e.setup(board)
	if err != nil {
		return err
	}
	p := overConsole(*plan.Default("00000000", 1))
	p.Backlog, p.Provoke, p.Start = 0, plan.ProvokeNone, plan.StartNone
	var initrd bytes.Buffer
	if err := kernels.WriteInitramfs(&initrd, k.Image, p, nil); err != nil {
		return err
	}
	return bench.Check(ctx, s, bench.Payload{Kernel: k.Image.Vmlinuz, Initrd: initrd.Bytes(), Cmdline: e.line(k), Plan: p},
		func(f bench.Finding) { tell(kind.Finding(f)) })
}

// line is the whole command line of a kernel on this board.
func (e *Entry) line(k kind.Kernel) string {
	line := strings.TrimSpace(k.Image.Cmdline + " " + k.Cmdline + " " + e.Cmdline)
	return strings.Replace(line, "console=ttyS0,115200", "console=ttyS0,"+strconv.Itoa(e.Baud), 1)
}
