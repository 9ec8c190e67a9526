// SPDX-License-Identifier: Apache-2.0

package port

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A command's output is the wire, its input is ours to type on, and all of it ends with the capture.
func TestCaptureCommand(t *testing.T) {
	p, stop := start(t, Config{Name: `exec:sleep 1000 & echo $! $$; read x; echo "got $x"; wait`}, t.TempDir())
	ctx := context.Background()
	if err := p.Write(ctx, []byte("a line\n")); err != nil {
		t.Fatal(err)
	}
	becomes(t, "the answer", func() bool { return strings.Contains(string(p.Log().Bytes(0, 100)), "got a line\n") })
	r := stop()
	if r.err != nil || len(r.report.Void) != 0 || len(r.report.Unseen) != 4 {
		t.Errorf("%+v, %v", r.report, r.err)
	}
	for _, word := range strings.Fields(string(p.Log().Bytes(0, 100)))[:2] {
		pid, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		becomes(t, "that PID "+word+" has ended", func() bool { return unix.Kill(pid, 0) != nil || programName(pid) == "" || zombie(pid) })
	}
}

func zombie(pid int) bool {
	return strings.Contains(attribute("/proc/"+strconv.Itoa(pid), "stat"), ") Z ")
}

// A command that ends by itself ends the capture: what it says when it is started again is not the next line of the board.
func TestCommandThatEnds(t *testing.T) {
	p, err := Open(context.Background(), Config{Name: "exec:sleep 0.1; echo whole; sleep 0.5"})
	if err != nil {
		t.Fatal(err)
	}
	stop, ended := running(t, p, t.TempDir())
	<-ended
	r := stop()
	if got := string(p.Log().Bytes(0, 100)); got != "whole\n" || !strings.Contains(strings.Join(r.report.Void, "|"), "the command has ended by itself") {
		t.Errorf("%q, %+v", got, r.report)
	}
}

// One that fails is started again, and that is a gap.
func TestCommandThatFails(t *testing.T) {
	p, stop := start(t, Config{Name: "exec:echo once; sleep 0.5; echo broken pipe >&2; exit 255"}, t.TempDir())
	within(t, p.Log(), 10)
	r := stop()
	if m := p.Log().Marks(); len(m) == 0 || m[0].Off != 5 || r.report.Gaps < 1 {
		t.Errorf("%+v, marks %+v", r.report, m)
	}
}
