// SPDX-License-Identifier: Apache-2.0

package port

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lastpage/capture/port/porttest"
	"lastpage/capture/wire"
)

// otherProgram opens a device and holds it until the end of the test: a shell, as a terminal program is one.
func otherProgram(t *testing.T, script, device string) *exec.Cmd {
	t.Helper()
	c := exec.Command("/bin/sh", "-c", script, "sh", device)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = c.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "has it\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return c
}

const opens3 = `exec 3<>"$1"; echo has it; read x`

func TestHeldPortIsRefused(t *testing.T) {
	_, slave := porttest.PTY(t)
	other := otherProgram(t, opens3, slave)
	_, err := Open(context.Background(), Config{Name: slave, Baud: 9600})
	if want := fmt.Sprintf("another program holds it: PID %d, sh", other.Process.Pid); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v; want %q", err, want)
	}
}

// A program that we start, a power command or an ssh, does not get the port: it would keep it from the next capture.
func TestChildrenDoNotHoldThePort(t *testing.T) {
	_, slave := porttest.PTY(t)
	p, err := Open(t.Context(), Config{Name: slave, Baud: 9600})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	otherProgram(t, `echo has it; read x`, "")
	place, err := findPlace(slave)
	if err != nil {
		t.Fatal(err)
	}
	defer place.Close()
	if all := holders(place.rdev); len(all) > 0 {
		t.Errorf("held by %v", all)
	}
}

// Two captures of one port: the second is refused, and the first does not even notice.
func TestSecondCaptureIsRefused(t *testing.T) {
	master, slave := porttest.PTY(t)
	p, stop := start(t, Config{Name: slave, Baud: 9600}, t.TempDir())
	for range 2 {
		if q, err := Open(context.Background(), Config{Name: slave, Baud: 9600}); err == nil {
			q.Close()
			t.Error("the port was opened twice")
		} else if !strings.Contains(err.Error(), "another program holds it") {
			t.Error(err)
		}
	}
	write(t, master, "all of it")
	within(t, p.Log(), 9)
	if r := stop(); r.err != nil || len(r.report.Void) != 0 {
		t.Errorf("%+v, %v", r.report, r.err)
	}
	if _, err := os.Stat(lockFile(lockFolder, slave)); !os.IsNotExist(err) {
		t.Errorf("the lock is left: %v", err)
	}
}

func TestSecondReaderVoids(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a port that we hold can be opened by root only (TIOCEXCL)")
	}
	for _, c := range []struct{ name, script, who string }{
		{"stays", opens3, ", sh"},
		{"had it for a moment", `exec 3<>"$1"; exec 3>&-; echo has it; read x`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			master, slave := porttest.PTY(t)
			p, stop := start(t, Config{Name: slave, Baud: 9600}, t.TempDir())
			write(t, master, "one")
			within(t, p.Log(), 3)
			otherProgram(t, c.script, slave)
			becomes(t, "a mark", func() bool { return len(p.Log().Marks()) > 0 })
			r := stop()
			if m := p.Log().Marks(); !m[0].Kind.Lossy() || m[0].Off != 3 {
				t.Errorf("marks %+v", m)
			}
			if len(r.report.Others) != 1 || !strings.Contains(r.report.Others[0], c.who) || !strings.Contains(strings.Join(r.report.Void, "|"), "another program had the port open too") {
				t.Errorf("%+v", r.report)
			}
		})
	}
}

// Who makes a pty and keeps its slave open reads nothing from it.
func TestOwnerOfThePTYIsNoReader(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no python3 to own a pty")
	}
	c := exec.Command("python3", "-c", "import os,sys\nm,s=os.openpty()\nprint(os.ttyname(s),flush=True)\nsys.stdin.read()")
	in, _ := c.StdinPipe()
	out, _ := c.StdoutPipe()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = c.Wait() })
	slave, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(context.Background(), Config{Name: strings.TrimSpace(slave), Baud: 9600})
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
}

func TestLockFiles(t *testing.T) {
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, contents, err string
	}{
		{"none", "", ""},
		{"of a program that is no more", fmt.Sprintf("%10d\n", gone.Process.Pid), ""},
		{"of one that lives, with names", fmt.Sprintf("%10d root minicom\n", os.Getppid()), "another program holds it: PID"},
		{"of one that lives", fmt.Sprintf("%10d\n", os.Getppid()), fmt.Sprintf("another program holds it: PID %d", os.Getppid())},
		{"rubbish", "x", "has no PID in it; remove it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "LCK..pts_7")
			if c.contents != "" {
				if err := os.WriteFile(path, []byte(c.contents), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := takeLock(dir, "/dev/pts/7")
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v; want %q", err, c.err)
				}
				return
			}
			b, rerr := os.ReadFile(path)
			if err != nil || got != path || rerr != nil || string(b) != fmt.Sprintf("%10d\n", os.Getpid()) {
				t.Errorf("%q, %v; %q, %v", got, err, b, rerr)
			}
		})
	}
}

// Somebody who changes the line's settings during the capture.
func TestChangedSettingsVoid(t *testing.T) {
	master, slave := porttest.PTY(t)
	p, stop := start(t, Config{Name: slave, Baud: 9600}, t.TempDir())
	stty := exec.Command("stty", "300")
	stty.Stdin = master // the same settings, without an opening
	if out, err := stty.CombinedOutput(); err != nil {
		t.Skipf("no stty here: %v: %s", err, out)
	}
	becomes(t, "a mark", func() bool { return len(p.Log().Marks()) > 0 })
	r := stop()
	if m := p.Log().Marks(); m[0].Kind != wire.MarkOverrun || !strings.Contains(strings.Join(r.report.Void, "|"), "changed the settings of the line (300 baud") {
		t.Errorf("%+v, marks %+v", r.report, m)
	}
}
