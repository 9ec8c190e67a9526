package qemu

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"lastpage/dut/child"
)

// startLimit bounds the time from fork to a monitor that answers. It is a guard against a hung host, not a measure of anything.
const startLimit = 60 * time.Second

// Machine is a running QEMU process with its monitor and shared memory. It is used by one goroutine, but Close may come from any.
type Machine struct {
	spec Spec
	proc *child.Process
	mon  *monitor
	ram  *RAM

	once sync.Once
}

// start runs QEMU until its monitor answers; the guest stands. ram's file must be in files.
func start(ctx context.Context, spec Spec, ram *RAM, files *child.Files) (*Machine, error) {
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, err
	}
	spec.QMP = "lastpage-" + hex.EncodeToString(id[:])
	proc, err := child.Start(spec.Argv(), files)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, errors.New("QEMU did not come up"))
	defer cancel()
	mon, err := dial(ctx, spec.QMP, proc)
	if err != nil {
		proc.Kill()
		return nil, err
	}
	m := &Machine{spec: spec, proc: proc, mon: mon, ram: ram}
	return m, nil
}

// cont lets the guest run.
func (m *Machine) cont(ctx context.Context) error {
	return m.mon.bounded(ctx, m.proc, "cont", m.mon.raw.Cont)
}

// NMI injects a non-maskable interrupt into all CPUs, at whatever instant the host gets round to it.
func (m *Machine) NMI(ctx context.Context) error {
	return m.mon.bounded(ctx, m.proc, "inject-nmi", m.mon.raw.InjectNmi)
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

// Close ends the process. The guest's memory stays readable until the board lets go of it.
func (m *Machine) Close() {
	m.once.Do(func() {
		m.proc.Kill()
		m.mon.close()
	})
}
