// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"fmt"
	"os"
	"time"
)

// devicesFD is the name under which the monitor holds the file of a snapshot's devices.
const devicesFD = "devices"

// saveDevices writes the state of everything but RAM into f, an empty file. RAM is shared with us and is copied by us (x-ignore-shared),
// which is what makes a snapshot cheap. The guest must stand; this process is of no use for anything else afterwards.
func (m *Machine) saveDevices(ctx context.Context, f *os.File) error {
	if err := m.migrate(ctx, "migrate", f); err != nil {
		return fmt.Errorf("save devices: %w", err)
	}
	for {
		var r struct {
			Status string `json:"status"`
			Why    string `json:"error-desc"`
		}
		err := m.mon.query(ctx, m.proc, "query-migrate", &r)
		switch {
		case err != nil:
			return err
		case r.Status == "completed":
			return nil
		case r.Status == "failed" || r.Status == "cancelled":
			return fmt.Errorf("save devices: migration %s: %s", r.Status, r.Why)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// migrate begins a migration into or out of f at its position. The descriptor is handed to the monitor: QEMU, in its sandbox, could start no
// program for it.
func (m *Machine) migrate(ctx context.Context, command string, f *os.File) error {
	capability := map[string]any{"capabilities": []any{map[string]any{"capability": "x-ignore-shared", "state": true}}}
	if err := m.mon.do(ctx, m.proc, "migrate-set-capabilities", capability, nil); err != nil {
		return err
	}
	if err := m.mon.do(ctx, m.proc, "getfd", map[string]any{"fdname": devicesFD}, f); err != nil {
		return err
	}
	return m.mon.do(ctx, m.proc, command, map[string]any{"uri": "fd:" + devicesFD}, nil)
}

// loadDevices takes the devices' state from f, and returns when the guest stands ready to go on. RAM is not in the stream: its copy must be
// in the shared memory already.
func (m *Machine) loadDevices(ctx context.Context, f *os.File) error {
	if err := m.migrate(ctx, "migrate-incoming", f); err != nil {
		return fmt.Errorf("load devices: %w", err)
	}
	for {
		state, _, err := m.mon.status(ctx, m.proc)
		if err != nil {
			return err
		}
		if state != "inmigrate" {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}
