package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/digitalocean/go-qemu/qmp"
	"github.com/digitalocean/go-qemu/qmp/raw"

	"lastpage/dut/child"
)

// monitor wraps go-qemu's socket monitor, which has no deadlines, stalls every command while an event is unread, and dies on replies over
// 64 KiB: here every call has a context, events are always drained, and no command with a large reply is ever sent.
type monitor struct {
	sock *qmp.SocketMonitor
	raw  *raw.Monitor

	mu     sync.Mutex
	closed bool

	stops chan Stop // buffered; see follow
}

// Stop is the reason why a guest no longer runs.
type Stop struct {
	Event  string // QMP's name: STOP, SHUTDOWN, GUEST_PANICKED
	Reason string // for SHUTDOWN: guest-reset, guest-shutdown, host-qmp-quit ...
}

// dial connects to the monitor of a QEMU that has just been started. It retries until the socket is there, the process ends or ctx does.
func dial(ctx context.Context, name string, p *child.Process) (*monitor, error) {
	var sock *qmp.SocketMonitor
	for {
		var err error
		if sock, err = qmp.NewSocketMonitor("unix", "@"+name, time.Second); err == nil {
			break
		}
		select {
		case <-p.Done():
			return nil, p.Failure()
		case <-ctx.Done():
			return nil, fmt.Errorf("qmp: %w (last: %w)", context.Cause(ctx), err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	m := &monitor{sock: sock, raw: raw.NewMonitor(sock), stops: make(chan Stop, 64)}
	if err := m.bounded(ctx, p, "handshake", sock.Connect); err != nil {
		_ = sock.Disconnect()
		return nil, err
	}
	events, err := sock.Events(ctx)
	if err != nil {
		return nil, fmt.Errorf("qmp events: %w", err)
	}
	go m.follow(events)
	return m, nil
}

// follow drains events for as long as the socket lives. A stop that nobody reads is dropped once 64 of them wait.
func (m *monitor) follow(events <-chan qmp.Event) {
	defer close(m.stops)
	for e := range events {
		switch e.Event {
		case "STOP", "SHUTDOWN", "GUEST_PANICKED":
			s := Stop{Event: e.Event}
			if r, ok := e.Data["reason"].(string); ok {
				s.Reason = r
			}
			select {
			case m.stops <- s:
			default:
			}
		}
	}
}

// bounded runs one call of go-qemu and gives up when the process ends or ctx does. The call itself cannot be cancelled; its goroutine
// ends when the socket closes, which close sees to.
func (m *monitor) bounded(ctx context.Context, p *child.Process, what string, call func() error) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("qmp %s: %w", what, err)
		}
		return nil
	case <-p.Done():
		return p.Failure()
	case <-ctx.Done():
		return fmt.Errorf("qmp %s: %w", what, ctx.Err())
	}
}

// human runs a monitor command that QMP has no name for in QEMU 7.2. Whatever it prints is an error.
func (m *monitor) human(ctx context.Context, p *child.Process, line string) error {
	return m.bounded(ctx, p, line, func() error {
		said, err := m.raw.HumanMonitorCommand(line, nil)
		if wrong := complaint(said); err == nil && wrong != "" {
			err = errors.New(wrong)
		}
		return err
	})
}

// complaint is what a command of the human monitor said, without its warnings: QEMU 9.1 and later deprecate the load of a snapshot from a
// descriptor by that name, and carry it out.
func complaint(said string) string {
	var rest []string
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "warning: ") {
			rest = append(rest, line)
		}
	}
	return strings.Join(rest, "; ")
}

// status asks whether the guest runs. raw.QueryStatus rejects run states newer than its schema, so the reply is read here.
func (m *monitor) status(ctx context.Context, p *child.Process) (state string, running bool, err error) {
	err = m.bounded(ctx, p, "query-status", func() error {
		b, err := m.sock.Run([]byte(`{"execute":"query-status"}`))
		if err != nil {
			return err
		}
		var r struct {
			Return struct {
				Status  string `json:"status"`
				Running bool   `json:"running"`
			} `json:"return"`
		}
		if err := json.Unmarshal(b, &r); err != nil {
			return err
		}
		state, running = r.Return.Status, r.Return.Running
		return nil
	})
	return state, running, err
}

func (m *monitor) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.closed = true
		_ = m.sock.Disconnect()
	}
}
