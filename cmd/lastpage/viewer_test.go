// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lastpage/capture/port/porttest"
	"lastpage/capture/wire"
)

// viewedBy captures a pty into dir, shown to stdout, and returns when it records.
func viewedBy(t *testing.T, stdout, stderr io.Writer) (c *exec.Cmd, dir string, master *os.File) {
	t.Helper()
	master, slave := porttest.PTY(t)
	dir = filepath.Join(t.TempDir(), "c")
	c = exec.Command(os.Args[0], "capture", slave, "--out", dir)
	c.Env = append(os.Environ(), "LASTPAGE_RUNS=1")
	c.Stdout, c.Stderr = stdout, stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	onDisk(t, dir, 0)
	return c, dir, master
}

// onDisk waits until n bytes are; go test's own limit is the bound.
func onDisk(t *testing.T, dir string, n int64) {
	t.Helper()
	for {
		st, err := os.Stat(filepath.Join(dir, wire.BinName))
		if err == nil && st.Size() >= n {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func loaded(t *testing.T, dir string) string {
	t.Helper()
	l, info, err := wire.LoadDir(dir)
	if err != nil || !info.Finished {
		t.Fatalf("%+v, %v", info, err)
	}
	return string(l.Bytes(0, l.Len()))
}

// A viewer that does not read hangs nothing: the first Ctrl-C ends the capture, which is whole.
func TestViewerThatDoesNotRead(t *testing.T) {
	for _, both := range []bool{false, true} { // a terminal after Ctrl-S takes stderr neither
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var stderr io.Writer = os.Stderr
		if both {
			stderr = w
		}
		c, dir, master := viewedBy(t, w, stderr)
		w.Close()
		line := strings.Repeat("0123456789abcde\n", 64)
		for range 200 {
			if _, err := master.WriteString(line); err != nil {
				t.Fatal(err)
			}
		}
		onDisk(t, dir, 200*1024)
		if err := c.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err != nil {
			t.Errorf("it ended with %v", err)
		}
		if got := loaded(t, dir); got != strings.Repeat(line, 200) {
			t.Errorf("%d bytes", len(got))
		}
	}
}

// A viewer that goes away does not take the capture with it, and that is said.
func TestViewerThatGoesAway(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	c, dir, master := viewedBy(t, w, &stderr)
	w.Close()
	say := func(s string, n int64) {
		if _, err := master.WriteString(s); err != nil {
			t.Fatal(err)
		}
		onDisk(t, dir, n)
	}
	say("one\n", 4)
	buf := make([]byte, 4)
	if _, err := io.ReadFull(r, buf); err != nil || string(buf) != "one\n" {
		t.Fatalf("%q, %v", buf, err)
	}
	r.Close()
	say("two\n", 8)
	say("three\n", 14)
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if got := loaded(t, dir); got != "one\ntwo\nthree\n" {
		t.Errorf("%q", got)
	}
	if !strings.Contains(stderr.String(), "the recording goes on") || !strings.Contains(stderr.String(), "this port does not show: overruns") {
		t.Errorf("%s", stderr.String())
	}
	report, err := wire.LoadReport(dir)
	if err != nil || report == nil || len(report.Unseen) != 3 || len(report.Void) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}
