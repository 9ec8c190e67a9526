// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/dut/qemu"
	"lastpage/kernels/plan"
)

// secondLimit is what other boots of a kernel are given that did not come to its trial in the first, in virtual time. It is twice what
// Debian's largest kernel takes.
const secondLimit = 30 * time.Second

// standstill is how long a kernel that has fallen silent is watched without fast-forward, in virtual time. A loop of PAUSE takes 40 times
// that on the host.
const standstill = 2 * time.Second

// comes says of a kernel whose first boot did not come to its trial that another boot does not either: a *dut.BootError. That boot alone is
// fast-forwarded without an acceptance, which such a kernel cannot have: a loop would take an hour. Nothing is tried in it, and it is
// believed only if the same boot, carried out, has the same wire until the kernel falls silent and says nothing more.
func (b *bench) comes(ctx context.Context, setup qemu.Setup, p qemu.Payload) error {
	if b.first == nil || !b.fast || setup.Mode != qemu.Exact {
		return nil
	}
	setup.FastForward = true
	fast, err := b.watch(ctx, setup, p, secondLimit)
	if boot := (*dut.BootError)(nil); !errors.As(err, &boot) || b.proved {
		return err
	}
	fmt.Fprintf(b.tell, "%s: the same boot without fast-forward\n", setup.Name)
	silent := time.Duration(0)
	if n := fast.Len(); n > 0 {
		ns, _ := fast.TimeAt(n - 1)
		silent = time.Duration(ns)
	}
	setup.FastForward = false
	plain, perr := b.watch(ctx, setup, p, silent+standstill)
	switch boot := (*dut.BootError)(nil); {
	case perr != nil && !errors.As(perr, &boot):
		return perr
	case perr == nil || !same(fast, plain): // fast-forward's doing: it is not used any more for this kernel
		b.fast = false
		return nil
	}
	b.proved = true
	return err
}

// watch boots p until it is armed, and gives its wire. A kernel that is not, for so long or at all, is a *dut.BootError.
func (b *bench) watch(ctx context.Context, setup qemu.Setup, p qemu.Payload, limit time.Duration) (*wire.Log, error) {
	setup.Snapshot = false
	pool, err := qemu.NewPool(ctx, &setup, b.tell)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	board, err := pool.Open(ctx, p)
	if err != nil {
		return nil, err
	}
	_, err = dut.Play(ctx, board, []dut.Trigger{
		{Name: "armed", When: dut.AtEvent, Code: plan.Armed, N: 1, Do: dut.Stop},
		{Name: "limit", When: dut.AtTime, N: int64(limit), Do: dut.Stop},
	})
	return board.Wire, errors.Join(err, board.Close())
}

// same says whether two wires have the same bytes at the same times.
func same(a, b *wire.Log) bool {
	if !bytes.Equal(a.Bytes(0, a.Len()), b.Bytes(0, b.Len())) {
		return false
	}
	for i := range a.Len() {
		x, _ := a.TimeAt(i)
		if y, _ := b.TimeAt(i); x != y {
			return false
		}
	}
	return true
}
