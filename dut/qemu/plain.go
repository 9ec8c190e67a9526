// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"fmt"

	"lastpage/dut"
)

// OpenPlain is Open without fast-forward, from the very snapshot that Open starts from. What the two give is compared before
// fast-forward is allowed at all.
func (b *Pool) OpenPlain(ctx context.Context, p Payload) (*dut.Board, error) {
	plain := &Pool{setup: b.setup, plugin: b.plugin, facts: b.facts, tell: b.tell}
	plain.setup.FastForward = false
	if !b.setup.Snapshot {
		return plain.open(ctx, p, nil)
	}
	snap, err := b.snapshot(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("take snapshot: %w", err)
	}
	defer b.release(snap)
	return plain.open(ctx, p, snap)
}

// Plugin is the path of the UART model, which names its content.
func (b *Pool) Plugin() string { return b.plugin }

// Binary is the SHA-256 of the program that is QEMU here, whatever starts it.
func (b *Pool) Binary() string { return b.facts["qemu_sha256"] }
