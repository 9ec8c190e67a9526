// SPDX-License-Identifier: Apache-2.0

package stress

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastpage/capture/pattern"
	"lastpage/capture/port"
	"lastpage/capture/port/porttest"
	"lastpage/capture/wire"
)

// scripted is a port with a plug: what is written comes back as the script makes it.
type scripted struct {
	mu     sync.Mutex
	log    *wire.Log
	n      int // bytes that were written
	script func(n int, c byte) []byte
	stands int // takes no more after so many bytes; 0: never
	report port.Report
}

func (s *scripted) Log() *wire.Log { return s.log }
func (s *scripted) Close()         {}
func (s *scripted) Run(ctx context.Context, _ *wire.Writer) (*port.Report, error) {
	<-ctx.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.Close(nil)
	return &s.report, nil
}

func (s *scripted) Write(ctx context.Context, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stands > 0 && s.n >= s.stands {
		<-ctx.Done()
		return ctx.Err()
	}
	var out []byte
	for _, c := range b {
		out = append(out, s.script(s.n, c)...)
		s.n++
	}
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return s.log.Append(out, now.Nano())
}

// on is a configuration for a scripted port.
func on(s *scripted, cfg Config) Config {
	s.log = wire.NewLog(wire.Monotonic, wire.Frame{})
	cfg.Mode, cfg.Ports = Loopback, []port.Config{{Name: "scripted"}}
	cfg.Open = func(context.Context, port.Config) (Port, error) { return s, nil }
	return cfg
}

func ran(t *testing.T, cfg Config) *Report {
	t.Helper()
	r, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// One byte of a million is found, and where it was, whatever happened to it.
func TestOneOfAMillion(t *testing.T) {
	const million, at = 1_000_000, 777_777
	for _, c := range []struct {
		kind   pattern.Kind
		script func(c byte) []byte
	}{
		{pattern.Lost, func(byte) []byte { return nil }},
		{pattern.Changed, func(c byte) []byte { return []byte{c ^ 0x80} }},
		{pattern.Doubled, func(c byte) []byte { return []byte{c, c} }},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			t.Parallel()
			s := &scripted{script: func(n int, b byte) []byte {
				if n == at {
					return c.script(b)
				}
				return []byte{b}
			}}
			r := ran(t, on(s, Config{Bytes: million}))
			h := r.Lines[0].Heard
			if r.Clean || h.Total != 1 || h.Faults[0].Kind != c.kind || h.Faults[0].Bytes != 1 || *r.Lines[0].Sent != million {
				t.Fatalf("%+v, %+v", r.Lines[0], h)
			}
			if f := h.Faults[0]; f.At < at-2 || f.At > at { // of two equal bytes in a row, the first
				t.Errorf("at byte %d, it was %d", f.At, at)
			}
		})
	}
}

// A line without a plug: what was sent is lost, and the sending ends by itself.
func TestNoPlug(t *testing.T) {
	t.Parallel()
	r := ran(t, on(&scripted{script: func(int, byte) []byte { return nil }}, Config{Bytes: 1 << 20, Baud: 115200}))
	l := r.Lines[0]
	if r.Clean || *l.Sent == 0 || *l.Sent > 1<<19 || l.Heard.Lost != *l.Sent || !strings.Contains(l.Stuck, "nothing of it came") || l.Rate != nil || l.Met() {
		t.Errorf("%+v, %+v", l, l.Heard)
	}
}

// A port that takes no more is no loss of the line's.
func TestStands(t *testing.T) {
	t.Parallel()
	r := ran(t, on(&scripted{script: func(_ int, c byte) []byte { return []byte{c} }, stands: 100_000}, Config{Bytes: 1 << 20}))
	if l := r.Lines[0]; !r.Clean || !strings.Contains(l.Stuck, "takes no more") || l.Heard.Ended || l.Heard.Matched != *l.Sent {
		t.Errorf("%+v, %+v", l, l.Heard)
	}
}

// Whoever ends it early gets what is known, and the stream has an end.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &scripted{}
	s.script = func(n int, c byte) []byte {
		if n == 50_000 {
			cancel()
		}
		return []byte{c}
	}
	r, err := Run(ctx, on(s, Config{Time: time.Hour}))
	if err != nil {
		t.Fatal(err)
	}
	if l := r.Lines[0]; !r.Clean || !r.Interrupted || !l.Heard.Ended || l.Heard.Matched != *l.Sent || *l.Sent < 50_000 {
		t.Errorf("%+v, %+v", l, l.Heard)
	}
}

// A port that went away for good is told by its own report, and what was heard by then stands.
func TestGone(t *testing.T) {
	s := &scripted{report: port.Report{Void: []string{"the port went away 1 times"}}}
	cfg := on(s, Config{Time: time.Hour})
	s.script = func(n int, c byte) []byte { return []byte{c} }
	cfg.Open = func(context.Context, port.Config) (Port, error) { return &away{scripted: s}, nil }
	r := ran(t, cfg)
	if l := r.Lines[0]; !r.Clean || !strings.Contains(l.Stuck, "went away after 131072 bytes") || l.Heard.Matched != 131072 || len(r.Ports[0].Void) != 1 {
		t.Errorf("%+v, %+v", l, l.Heard)
	}
}

// away goes away after some writes.
type away struct {
	*scripted
	writes int
}

func (a *away) Write(ctx context.Context, b []byte) error {
	if a.writes++; a.writes > 32 {
		return errors.Join(port.ErrAway, errors.New("17 bytes were sent"))
	}
	return a.scripted.Write(ctx, b)
}

// echo makes the other end of a pty a plug.
func echo(t *testing.T) (slave string) {
	t.Helper()
	master, slave := porttest.PTY(t)
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			if err != nil {
				if errors.Is(err, unix.EIO) { // nobody has the slave open
					time.Sleep(time.Millisecond)
					continue
				}
				return
			}
			if _, err := master.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	return slave
}

// joined is a port whose other end gives back what it gets, in pieces as the kernel makes them.
type joined struct {
	log *wire.Log
	c   net.Conn
}

func (j *joined) Log() *wire.Log { return j.log }
func (j *joined) Close()         { j.c.Close() }

func (j *joined) Write(_ context.Context, b []byte) error {
	_, err := j.c.Write(b)
	return err
}

func (j *joined) Run(ctx context.Context, _ *wire.Writer) (*port.Report, error) {
	defer context.AfterFunc(ctx, j.Close)()
	buf := make([]byte, 700)
	for {
		n, err := j.c.Read(buf)
		var now unix.Timespec
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
		if aerr := j.log.Append(buf[:n], now.Nano()); err != nil || aerr != nil {
			j.log.Close(nil)
			return &port.Report{}, aerr
		}
	}
}

// A thousand clean rounds raise no alarm, in both forms: through sockets of the kernel's.
func TestThousandRounds(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "plug"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				c.Close()
			}()
		}
	}()
	open := func(context.Context, port.Config) (Port, error) {
		c, err := net.Dial("unix", l.Addr().String())
		return &joined{wire.NewLog(wire.Monotonic, wire.Frame{}), c}, err
	}
	for i := range 1000 {
		r := ran(t, Config{Mode: Loopback, Ports: []port.Config{{Name: "joined"}}, Form: pattern.Form(i % 2), Bytes: 10_000, Open: open})
		if l := r.Lines[0]; !r.Clean || *l.Sent != l.Heard.Matched || !l.Heard.Ended || l.Stuck != "" {
			t.Fatalf("round %d: %+v %+v", i, l, l.Heard)
		}
	}
}

// Rounds that each open a real port. They are so short that a pty holds one: no standstill of a busy machine can be a loss.
func TestRounds(t *testing.T) {
	t.Parallel()
	slave := echo(t)
	for i := range 20 {
		r := ran(t, Config{Mode: Loopback, Ports: []port.Config{{Name: slave, Baud: 115200}}, Form: pattern.Form(i % 2), Baud: 115200, Bytes: 2048})
		if l := r.Lines[0]; !r.Clean || *l.Sent != 2048 || l.Heard.Matched != 2048 || len(r.Ports[0].Void) > 0 || l.Stuck != "" {
			t.Fatalf("round %d: %+v %+v, void %q", i, l, l.Heard, r.Ports[0].Void)
		}
	}
}
