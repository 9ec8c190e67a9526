// SPDX-License-Identifier: Apache-2.0

package port

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastpage/capture/port/porttest"
	"lastpage/capture/wire"
)

// within waits for n bytes, with a limit that only a hang reaches.
func within(t *testing.T, l *wire.Log, n int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	if err := l.Wait(ctx, n); err != nil {
		t.Fatal(err)
	}
}

// becomes waits until is true, with a limit that only a hang reaches.
func becomes(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came: %s", what)
		}
	}
}

type result struct {
	report *Report
	err    error
}

func start(t *testing.T, cfg Config, dir string) (*Port, func() result) {
	t.Helper()
	p, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	stop, _ := running(t, p, dir)
	return p, stop
}

// running runs p; ended is closed when it has ended by itself or by stop.
func running(t *testing.T, p *Port, dir string) (stop func() result, ended <-chan struct{}) {
	t.Helper()
	w, err := wire.Create(dir, wire.Monotonic, p.Log().Frame())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var res result
	done := make(chan struct{})
	go func() {
		defer close(done)
		res.report, res.err = p.Run(ctx, w)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return func() result { cancel(); <-done; return res }, done
}

func write(t *testing.T, f *os.File, s string) {
	t.Helper()
	if _, err := f.WriteString(s); err != nil {
		t.Fatal(err)
	}
}

func TestCapturePTY(t *testing.T) {
	master, slave := porttest.PTY(t)
	// What came before the port was opened belongs to the capture. (The
	// slave must have been open once for a pty to hold it.)
	hold, err := os.OpenFile(slave, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := unix.IoctlGetTermios(int(hold.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	raw.Iflag, raw.Lflag, raw.Oflag = 0, 0, 0
	if err := unix.IoctlSetTermios(int(hold.Fd()), unix.TCSETS, raw); err != nil {
		t.Fatal(err)
	}
	write(t, master, "early\xff\r\n")
	dir := t.TempDir()
	p, stop := start(t, Config{Name: slave, Baud: 115200}, dir)
	want := []byte("early\xff\r\n")
	var all [256]byte
	for i := range all {
		all[i] = byte(i)
	}
	for range 40 {
		write(t, master, string(all[:]))
		want = append(want, all[:]...)
	}
	within(t, p.Log(), int64(len(want)))
	hold.Close()
	r := stop()
	if r.err != nil {
		t.Fatal(r.err)
	}
	if r.report.Baud != 115200 || r.report.HasCounters || len(r.report.Void) != 0 || strings.Join(r.report.Unseen, "|") != unseenErrors+"|"+unseenBreak+"|"+unseenRate {
		t.Errorf("%+v", r.report)
	}
	l, info, err := wire.LoadDir(dir)
	if err != nil || !info.Finished || l.Clock() != wire.Monotonic || l.Frame() != (wire.Frame{Baud: 115200, Bits: 10}) {
		t.Fatalf("%+v, %v, %+v", info, err, l.Frame())
	}
	if got := l.Bytes(0, l.Len()); !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d; from %q", len(got), len(want), got[:min(20, len(got))])
	}
}

// An adapter that loses its power and comes back under the same path.
func TestCaptureGap(t *testing.T) {
	master, slave := porttest.PTY(t)
	path := filepath.Join(t.TempDir(), "by-path")
	if err := os.Symlink(slave, path); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p, stop := start(t, Config{Name: path, Baud: 9600}, dir)
	write(t, master, "before")
	within(t, p.Log(), 6)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	master.Close()
	again, slave := porttest.PTY(t)
	if err := os.Symlink(slave, path); err != nil {
		t.Fatal(err)
	}
	write(t, again, "after")
	within(t, p.Log(), 11)
	r := stop()
	if r.err != nil || r.report.Gaps != 1 || len(r.report.Void) != 1 || !strings.Contains(r.report.Void[0], "went away 1 times") {
		t.Errorf("%+v, %v", r.report, r.err)
	}
	l, info, err := wire.LoadDir(dir)
	if err != nil || !info.Finished {
		t.Fatalf("%+v, %v", info, err)
	}
	m := l.Marks()
	if len(m) != 1 || m[0].Kind != wire.MarkGap || m[0].Off != 6 || m[0].Count == 0 {
		t.Errorf("marks %+v", m)
	}
	if got := l.Bytes(0, l.Len()); string(got) != "beforeafter" {
		t.Errorf("%q", got)
	}
}

func TestOpenRefuses(t *testing.T) {
	_, slave := porttest.PTY(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cfg Config
		why string
	}{
		{Config{Name: "/dev/none", Baud: 9600}, "no such file"},
		{Config{Name: slave}, "no baud rate"},
		{Config{Name: "/dev/null", Baud: 9600}, "not a terminal"},
		{Config{Name: file, Baud: 9600}, "not a device"},
		{Config{Name: "tcp:127.0.0.1:1"}, "refused"},
		{Config{Name: "usb:0403", Baud: 9600}, "usb:VID:PID"},
		{Config{Name: "tty:serial=none-has-this", Baud: 9600}, "no such device"},
		{Config{Name: slave, Baud: 9600, DTR: "on"}, "no such line"},
		{Config{Name: slave, Baud: 9600, RTS: "up"}, "on, off"},
		{Config{Name: "tcp:127.0.0.1:1", DTR: "on"}, "RFC 2217 only"},
		{Config{Name: "exec: "}, "want a command"},
		{Config{Name: "ttyLastpage7", Baud: 9600}, "named by its path, such as /dev/ttyLastpage7"},
		{Config{Name: "ssh:lab", Baud: 9600}, "ssh: is no kind of port"},
		{Config{Name: "rfc2217:/127.0.0.1:4001", Baud: 9600}, "want rfc2217://HOST:PORT"},
		{Config{Name: "telnet://127.0.0.1"}, "want telnet://HOST:PORT"},
		{Config{Name: "tcp:127.0.0.1:0"}, "want tcp:HOST:PORT"},
		{Config{Name: "rfc2217://none.invalid:1", Baud: 9600}, "how the host's name is written"},
		{Config{Name: "tty:seriall=FT1", Baud: 9600}, "seriall= is no property: want serial"},
		{Config{Name: "exec:echo why >&2; exit 7"}, "exit status 7: \"why\""},
	} {
		p, err := Open(context.Background(), c.cfg)
		if err == nil {
			p.Close()
			t.Errorf("%+v was opened", c.cfg)
		} else if !strings.Contains(err.Error(), "open port "+c.cfg.Name) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%v; want %q", err, c.why)
		}
	}
}

// Who drives the board writes while the capture goes on.
func TestWriteAndBreak(t *testing.T) {
	master, slave := porttest.PTY(t)
	p, stop := start(t, Config{Name: slave, Baud: 115200}, t.TempDir())
	if err := p.Write(context.Background(), []byte("help\xff\r")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	if n, err := master.Read(buf); err != nil || string(buf[:n]) != "help\xff\r" {
		t.Errorf("the board got %q, %v", buf[:n], err)
	}
	if err := p.Break(context.Background(), time.Millisecond); !errors.Is(err, ErrNoBreak) || p.Caps().Break {
		t.Errorf("a pty carries no BREAK: %v, %+v", err, p.Caps())
	}
	stop()
	if err := p.Write(context.Background(), []byte("x")); !errors.Is(err, ErrAway) {
		t.Errorf("written to a port that was closed: %v", err)
	}
}

// A board that takes nothing must not hang who writes, nor the capture.
func TestWriteEnds(t *testing.T) {
	_, slave := porttest.PTY(t)
	p, stop := start(t, Config{Name: slave, Baud: 115200}, t.TempDir())
	failed := make(chan error)
	go func() { failed <- p.Write(context.Background(), make([]byte, 1<<20)) }()
	time.Sleep(3 * readWait)
	if r := stop(); r.err != nil {
		t.Error(r.err)
	}
	if err := <-failed; !errors.Is(err, ErrAway) {
		t.Error(err)
	}
}

// The memory of a capture is a window, whatever came.
func TestWindow(t *testing.T) {
	master, slave := porttest.PTY(t)
	p, stop := start(t, Config{Name: slave, Baud: 115200}, t.TempDir())
	const keep, block = 64 << 10, 16 << 10
	p.Log().SetKeep(keep)
	chunk := strings.Repeat("0123456789abcdef", 64)
	for range 2048 {
		write(t, master, chunk)
	}
	within(t, p.Log(), 2<<20)
	if held := p.Log().Len() - p.Log().Start(); held > keep+block {
		t.Errorf("%d bytes are held, want at most %d", held, keep+block)
	}
	if r := stop(); r.err != nil || r.report.Unread != 0 {
		t.Errorf("%+v, %v", r.report, r.err)
	}
}
