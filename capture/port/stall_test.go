// SPDX-License-Identifier: Apache-2.0

package port

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastpage/capture/port/porttest"
	"lastpage/capture/wire"
)

// The test binary is also a program that captures until Ctrl-C, so that it can be stopped.
func TestMain(m *testing.M) {
	if os.Getenv("LASTPAGE_PORT") == "" {
		os.Exit(m.Run())
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	p, err := Open(ctx, Config{Name: os.Getenv("LASTPAGE_PORT"), Baud: 115200})
	if err != nil {
		panic(err)
	}
	w, err := wire.Create(os.Getenv("LASTPAGE_OUT"), wire.Monotonic, p.Log().Frame())
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString("open\n")
	r, err := p.Run(ctx, w)
	if err != nil {
		panic(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		panic(err)
	}
}

// stopped captures port in a process of its own, stops it, calls meanwhile and lets it go on.
func stopped(t *testing.T, port string, meanwhile func()) (*wire.Log, Report) {
	t.Helper()
	dir := t.TempDir()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "LASTPAGE_PORT="+port, "LASTPAGE_OUT="+dir)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "open\n" {
		t.Fatalf("%q, %v", line, err)
	}
	for _, s := range []func(){
		func() { _ = c.Process.Signal(syscall.SIGSTOP); standing(t, c.Process.Pid) },
		meanwhile,
		func() { time.Sleep(2 * stallAfter) },
		func() { _ = c.Process.Signal(syscall.SIGCONT) },
		func() { time.Sleep(3 * drainedAfter) },
		func() { _ = c.Process.Signal(os.Interrupt) },
	} {
		s()
	}
	var r Report
	if err := json.NewDecoder(lines).Decode(&r); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	l, info, err := wire.LoadDir(dir)
	if err != nil || !info.Finished {
		t.Fatalf("%+v, %v", info, err)
	}
	return l, r
}

// standing waits until every thread of a process that was sent SIGSTOP stands still.
func standing(t *testing.T, pid int) {
	t.Helper()
	becomes(t, "a process that stands still", func() bool {
		all, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		for _, f := range all {
			stat, rerr := os.ReadFile(f)
			if _, after, ok := strings.Cut(string(stat), ") "); rerr != nil || !ok || after[0] != 'T' {
				return false
			}
		}
		return err == nil && len(all) > 0
	})
}

// A pty takes some 20 KiB for a reader that stands still; what does not fit is lost, and that is a gap after what fitted.
func TestStandstillIsMarked(t *testing.T) {
	master, slave := porttest.PTY(t)
	conn, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	sent, taken := 0, 0
	l, r := stopped(t, slave, func() {
		_ = conn.Control(func(fd uintptr) { _ = unix.SetNonblock(int(fd), true) })
		line := []byte(strings.Repeat("x", 99) + "\n")
		for range 1000 {
			_ = conn.Control(func(fd uintptr) {
				n, _ := unix.Write(int(fd), line)
				sent, taken = sent+len(line), taken+max(0, n)
			})
		}
	})
	if taken == sent {
		t.Fatalf("all of %d bytes were taken", sent)
	}
	m := l.Marks()
	if l.Len() != int64(taken) || len(m) != 1 || m[0].Kind != wire.MarkGap || m[0].Count < uint64(stallAfter) || m[0].Off != int64(taken) {
		t.Errorf("%d bytes of %d, marks %+v", l.Len(), taken, m)
	}
	if r.Stalls != 1 || len(r.Void) != 1 || !strings.Contains(r.Void[0], "stood still") {
		t.Errorf("%+v", r)
	}
}

// What the kernel could keep is not lost.
func TestShortTalkDuringAStandstillIsWhole(t *testing.T) {
	master, slave := porttest.PTY(t)
	l, r := stopped(t, slave, func() { write(t, master, strings.Repeat("kept\n", 200)) })
	if l.Len() != 1000 || len(l.Marks()) != 0 || len(r.Void) != 0 {
		t.Errorf("%d bytes, marks %+v, %+v", l.Len(), l.Marks(), r)
	}
}

// A suspended machine receives nothing, whatever the port. (The clock that counts the suspension is the test's: a test cannot suspend.)
func TestSuspensionIsMarked(t *testing.T) {
	master, slave := porttest.PTY(t)
	p, err := Open(context.Background(), Config{Name: slave, Baud: 9600})
	if err != nil {
		t.Fatal(err)
	}
	slept := make(chan int64, 1)
	last := int64(0)
	p.asleep = func() int64 {
		select {
		case last = <-slept:
		default:
		}
		return last
	}
	stop, _ := running(t, p, t.TempDir())
	write(t, master, "before")
	within(t, p.Log(), 6)
	slept <- int64(time.Hour)
	becomes(t, "a mark", func() bool { return len(p.Log().Marks()) > 0 })
	r := stop()
	if m := p.Log().Marks(); m[0].Kind != wire.MarkGap || m[0].Count < uint64(time.Hour) || !strings.Contains(r.report.Void[0], "suspended for 1h") {
		t.Errorf("%+v, marks %+v", r.report, m)
	}
}
