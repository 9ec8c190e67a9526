package qemu

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// saveDevices writes the state of everything but RAM into f. RAM is shared with us and is copied by us (x-ignore-shared), which is what makes
// a snapshot cheap. The guest must stand; this process is of no use for anything else afterwards.
func (m *Machine) saveDevices(ctx context.Context, f *os.File) error {
	if err := m.mon.human(ctx, m.proc, "migrate_set_capability x-ignore-shared on"); err != nil {
		return err
	}
	// The shell of exec: opens our descriptor anew, at offset 0.
	if err := m.mon.human(ctx, m.proc, fmt.Sprintf(`migrate -d "exec:cat >/proc/%d/fd/%d"`, os.Getpid(), f.Fd())); err != nil {
		return err
	}
	for {
		status, err := m.migration(ctx)
		switch {
		case err != nil:
			return err
		case status == "completed":
			return nil
		case status == "failed" || status == "cancelled":
			return fmt.Errorf("save devices: migration %s: %w", status, m.proc.Failure())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// migration is the state of saving or loading.
func (m *Machine) migration(ctx context.Context) (status string, err error) {
	err = m.mon.bounded(ctx, m.proc, "query-migrate", func() error {
		b, err := m.mon.sock.Run([]byte(`{"execute":"query-migrate"}`))
		if err != nil {
			return err
		}
		var r struct {
			Return struct {
				Status string `json:"status"`
			} `json:"return"`
		}
		if err := json.Unmarshal(b, &r); err != nil {
			return err
		}
		status = r.Return.Status
		return nil
	})
	return status, err
}

// loadDevices takes the devices' state from the inherited descriptor fd, and returns when the guest stands ready to go on. RAM is not in the
// stream: its copy must be in the shared memory already.
func (m *Machine) loadDevices(ctx context.Context, fd int) error {
	if err := m.mon.human(ctx, m.proc, "migrate_set_capability x-ignore-shared on"); err != nil {
		return err
	}
	if err := m.mon.human(ctx, m.proc, fmt.Sprintf("migrate_incoming fd:%d", fd)); err != nil {
		return err
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
