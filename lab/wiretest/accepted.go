// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"lastpage/dut/qemu"
	"lastpage/kernels"
	"lastpage/kernels/plan"
	"lastpage/kernels/store"
	"lastpage/lab/kind"
)

// Accepted says whether an acceptance with exactly these inputs has been made before, and passed. It starts nothing.
func Accepted(ctx context.Context, setup qemu.Setup, img *kernels.Image, cmdline string) (bool, error) {
	for _, points := range []int{FewPoints, kind.AcceptOne} {
		if ok, err := acceptedAt(ctx, setup, img, cmdline, points); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func acceptedAt(ctx context.Context, setup qemu.Setup, img *kernels.Image, cmdline string, points int) (bool, error) {
	setup.FastForward, setup.Name = true, "acceptance"
	g, err := newGuest(ctx, img, setup, planned(setup.CPUs, acceptBacklog(points), plan.ProvokeWarn), cmdline, io.Discard)
	if err != nil {
		return false, err
	}
	defer g.bench.Close()
	of, err := g.identity(ctx, img, points)
	if err != nil {
		return false, err
	}
	id, err := json.Marshal(of)
	if err != nil {
		return false, err
	}
	if _, there := store.Have("accept", store.Key(AcceptanceSchema, string(id))); !there {
		return false, nil
	}
	a, err := Accept(ctx, setup, img, cmdline, points, io.Discard)
	if err != nil {
		return false, fmt.Errorf("read acceptance: %w", err)
	}
	return a.Passed, nil
}
