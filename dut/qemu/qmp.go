// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
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

// dying is how long a QEMU whose socket is gone has to end.
const dying = 5 * time.Second

// bounded runs one call of go-qemu and gives up when the process ends or ctx does. The call itself cannot be cancelled; its goroutine
// ends when the socket closes, which close sees to.
func (m *monitor) bounded(ctx context.Context, p *child.Process, what string, call func() error) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		if err == nil {
			return nil
		}
		err = fmt.Errorf("qmp %s: %w", what, err)
		if errors.Is(err, io.EOF) || errors.As(err, new(*net.OpError)) { // its end is told a little later than its socket's, with its reason
			select {
			case <-p.Done():
				return p.Failure()
			case <-time.After(dying):
			}
		}
		return err
	case <-p.Done():
		return p.Failure()
	case <-ctx.Done():
		return fmt.Errorf("qmp %s: %w", what, ctx.Err())
	}
}

// do runs a command, with a file for QEMU to take if it is not nil.
func (m *monitor) do(ctx context.Context, p *child.Process, command string, args map[string]any, file *os.File) error {
	line, err := json.Marshal(map[string]any{"execute": command, "arguments": args})
	if err != nil {
		return err
	}
	return m.bounded(ctx, p, command, func() error {
		_, err := m.sock.RunWithFile(line, file)
		return err
	})
}

// query asks for what go-qemu has no type for, or one that rejects what is newer than its schema.
func (m *monitor) query(ctx context.Context, p *child.Process, command string, answer any) error {
	return m.bounded(ctx, p, command, func() error {
		b, err := m.sock.Run([]byte(`{"execute":"` + command + `"}`))
		if err != nil {
			return err
		}
		return json.Unmarshal(b, &struct {
			Return any `json:"return"`
		}{answer})
	})
}

// status asks whether the guest runs.
func (m *monitor) status(ctx context.Context, p *child.Process) (state string, running bool, err error) {
	var r struct {
		Status  string `json:"status"`
		Running bool   `json:"running"`
	}
	err = m.query(ctx, p, "query-status", &r)
	return r.Status, r.Running, err
}

func (m *monitor) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.closed = true
		_ = m.sock.Disconnect()
	}
}
