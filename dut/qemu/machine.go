// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"sync"
	"time"

	"lastpage/dut/child"
)

// startLimit bounds the time from fork to a monitor that answers. It is a guard against a hung host, not a measure of anything.
const startLimit = 60 * time.Second

// Machine is a running QEMU process with its monitor. It is used by one goroutine, but Close may come from any.
type Machine struct {
	proc *child.Process
	mon  *monitor

	once sync.Once
}

// Cont lets the guest run.
func (m *Machine) Cont(ctx context.Context) error {
	return m.mon.bounded(ctx, m.proc, "cont", m.mon.raw.Cont)
}

// stop makes the guest stand and says in what state it does: "paused", unless it had ended before.
func (m *Machine) stop(ctx context.Context) (state string, err error) {
	if err := m.mon.bounded(ctx, m.proc, "stop", m.mon.raw.Stop); err != nil {
		return "", err
	}
	state, _, err = m.mon.status(ctx, m.proc)
	return state, err
}

// standing returns when the guest no longer runs, for a caller to whom stops of before are of no interest.
func (m *Machine) standing(ctx context.Context) error {
	for {
		_, running, err := m.mon.status(ctx, m.proc)
		if err != nil || !running {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

var errDied = errors.New("the kernel died before it was armed")

// waitStop returns when the guest no longer runs, or with errDied when died is closed.
func (m *Machine) waitStop(ctx context.Context, died <-chan struct{}) (Stop, error) {
	last := Stop{}
	for {
		select {
		case s, ok := <-m.mon.stops:
			if !ok {
				<-m.proc.Done()
				return last, m.proc.Failure()
			}
			switch s.Event {
			case "SHUTDOWN": // a STOP follows, because of -action shutdown=pause
				last = s
			case "STOP":
				if last.Event == "" {
					last = s
				}
				return last, nil
			}
		case <-m.proc.Done():
			return last, m.proc.Failure()
		case <-died:
			return last, errDied
		case <-ctx.Done():
			return last, ctx.Err()
		}
	}
}

// Reset resets the machine as its button would.
func (m *Machine) Reset(ctx context.Context) error {
	return m.mon.do(ctx, m.proc, "system_reset", map[string]any{}, nil)
}

// NMI raises an NMI on every CPU, as a board's diagnostic button does.
func (m *Machine) NMI(ctx context.Context) error {
	return m.mon.do(ctx, m.proc, "inject-nmi", map[string]any{}, nil)
}

// Dump writes the guest's memory to path as an ELF core. The guest stands for so long, and goes on.
func (m *Machine) Dump(ctx context.Context, path string) error {
	return m.mon.do(ctx, m.proc, "dump-guest-memory", map[string]any{"paging": false, "protocol": "file:" + path}, nil)
}

// Done is closed when the process has ended.
func (m *Machine) Done() <-chan struct{} { return m.proc.Done() }

// Failure describes a process that has ended, in its own last words. It wraps an *exec.ExitError if QEMU did not end well.
func (m *Machine) Failure() error { return m.proc.Failure() }

// Close ends the process. The guest's memory stays readable until the board lets go of it.
func (m *Machine) Close() {
	m.once.Do(func() {
		m.proc.Kill()
		m.mon.close()
	})
}
