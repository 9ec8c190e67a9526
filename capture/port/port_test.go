// SPDX-License-Identifier: Apache-2.0

package port

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastpage/capture/wire"
)

// pty opens a pair; the slave is what a serial port would be.
func pty(t *testing.T) (master *os.File, slave string) {
	t.Helper()
	m, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pty here: %v", err)
	}
	t.Cleanup(func() { m.Close() })
	fd := int(m.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	return m, fmt.Sprintf("/dev/pts/%d", n)
}

// within waits for n bytes, with a limit that only a hang reaches.
func within(t *testing.T, l *wire.Log, n int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	if err := l.Wait(ctx, n); err != nil {
		t.Fatal(err)
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
	w, err := wire.Create(dir, wire.Monotonic, p.Log().Frame())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan result, 1)
	go func() {
		r, err := p.Run(ctx, w)
		done <- result{r, err}
	}()
	return p, func() result { cancel(); return <-done }
}

func TestCapturePTY(t *testing.T) {
	master, slave := pty(t)
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
	if _, err := master.Write([]byte("early\r\n")); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p, stop := start(t, Config{Name: slave, Baud: 115200}, dir)
	want := []byte("early\r\n")
	var all [256]byte
	for i := range all {
		all[i] = byte(i)
	}
	for range 40 {
		if _, err := master.Write(all[:]); err != nil {
			t.Fatal(err)
		}
		want = append(want, all[:]...)
	}
	within(t, p.Log(), int64(len(want)))
	hold.Close()
	r := stop()
	if r.err != nil {
		t.Fatal(r.err)
	}
	if r.report.Baud != 115200 || r.report.HasCounters || len(r.report.Void) != 0 {
		t.Errorf("%+v", r.report)
	}
	l, info, err := wire.LoadDir(dir)
	if err != nil || !info.Finished || l.Clock() != wire.Monotonic {
		t.Fatalf("%+v, %v", info, err)
	}
	if got := l.Bytes(0, l.Len()); !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d; from %q", len(got), len(want), got[:min(20, len(got))])
	}
}

// An adapter that loses its power and comes back under the same path.
func TestCaptureGap(t *testing.T) {
	master, slave := pty(t)
	path := filepath.Join(t.TempDir(), "by-path")
	if err := os.Symlink(slave, path); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p, stop := start(t, Config{Name: path, Baud: 9600}, dir)
	if _, err := master.Write([]byte("before")); err != nil {
		t.Fatal(err)
	}
	within(t, p.Log(), 6)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	master.Close()
	again, slave := pty(t)
	if err := os.Symlink(slave, path); err != nil {
		t.Fatal(err)
	}
	if _, err := again.Write([]byte("after")); err != nil {
		t.Fatal(err)
	}
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

func TestCaptureTCP(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for _, s := range []string{"one\r\n", "\xff\x00two"} { // 0xff is a byte, not a telnet command
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte(s))
			c.Close()
		}
	}()
	p, stop := start(t, Config{Name: "tcp:" + ln.Addr().String()}, t.TempDir())
	within(t, p.Log(), 10)
	r := stop()
	if r.err != nil || r.report.Gaps < 1 || r.report.Baud != 0 {
		t.Errorf("%+v, %v", r.report, r.err)
	}
	if got := p.Log().Bytes(0, 10); string(got) != "one\r\n\xff\x00two" {
		t.Errorf("%q", got)
	}
}

func TestOpenRefuses(t *testing.T) {
	_, slave := pty(t)
	for _, cfg := range []Config{{Name: "/dev/none", Baud: 9600}, {Name: slave}, {Name: "/dev/null", Baud: 9600}, {Name: "tcp:127.0.0.1:1"}} {
		if p, err := Open(context.Background(), cfg); err == nil {
			p.Close()
			t.Errorf("%+v was opened", cfg)
		} else if !strings.Contains(err.Error(), "open port "+cfg.Name) {
			t.Error(err)
		}
	}
}
