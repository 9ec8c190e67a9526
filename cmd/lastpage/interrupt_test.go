// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lastpage/dut/child"
)

// The test binary is also lastpage itself, and a lastpage that hangs: it has a child, and work that never looks at its context.
func TestMain(m *testing.M) {
	if os.Getenv("LASTPAGE_RUNS") != "" {
		main()
	}
	if os.Getenv("LASTPAGE_HANGS") == "" {
		os.Exit(m.Run())
	}
	ctx := interruptible(context.Background(), os.Exit)
	out := new(child.Files)
	out.Give(os.Stdout)
	p, err := child.Start([]string{"/bin/sh", "-c", "echo $$ >&3; exec sleep 1000"}, out)
	if err != nil {
		panic(err)
	}
	<-ctx.Done()
	os.Stdout.WriteString("first\n")
	<-p.Done() // which is for ever
	os.Exit(0)
}

// The second Ctrl-C ends the program whatever it waits for, with the status of a lab that failed, and its children die with it.
func TestSecondInterrupt(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LASTPAGE_HANGS=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(out)
	line := func() string {
		if !lines.Scan() {
			t.Fatalf("it ended early: %v", cmd.Wait())
		}
		return lines.Text()
	}
	pid, err := strconv.Atoi(line())
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if got := line(); got != "first" {
		t.Fatalf("after the first: %q", got)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitLabFailed {
		t.Errorf("after the second: %v", err)
	}
	for alive(pid) { // the kernel kills it; go test's own limit is the bound
		time.Sleep(time.Millisecond)
	}
}

// alive says whether a process runs; one that is dead and not yet reaped does not.
func alive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}
