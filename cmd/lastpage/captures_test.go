// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lastpage/capture/port/porttest"
)

// Several lines are recorded by one process, each into its folder. What one of them loses makes that one void, and no other.
func TestCaptureOfSeveral(t *testing.T) {
	t.Chdir(t.TempDir())
	master, slave := porttest.PTY(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tty, remote := strings.ReplaceAll(slave[len("/dev/"):], "/", "-"), "tcp-127.0.0.1-"+strings.TrimPrefix(l.Addr().String(), "127.0.0.1:")
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		defer interrupt()
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = c.Write([]byte("remote\r\n"))
		onDisk(t, filepath.Join("boot", remote), 8)
		c.Close() // and the server with it: a gap
		l.Close()
		onDisk(t, filepath.Join("boot", tty), 0)
		_, _ = master.WriteString("here\r\n")
		onDisk(t, filepath.Join("boot", tty), 6)
	}()
	var out, errs bytes.Buffer
	code := run(ctx, []string{"capture", slave, "tcp:" + l.Addr().String(), "--out", "boot", "--json"}, &out, &errs)
	var doc capturesDocument
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil || len(doc.Captures) != 2 || doc.Schema != capturesSchema {
		t.Fatalf("%v: %s\n%s", err, &out, &errs)
	}
	reports := doc.Captures
	if reports[0].Name != slave || len(reports[0].Void) != 0 || len(reports[1].Void) != 1 || code != exitInconclusive {
		t.Errorf("exit status %d: %+v", code, reports)
	}
	if text := errs.String(); !strings.Contains(text, filepath.Join("boot", remote)+": nothing may be graded") || strings.Contains(text, filepath.Join("boot", tty)+": nothing") || !strings.Contains(text, "not shown by "+tty) {
		t.Errorf("said:\n%s", text)
	}
	for dir, want := range map[string]string{tty: "here\r\n", remote: "remote\r\n"} {
		if got := loaded(t, filepath.Join("boot", dir)); got != want {
			t.Errorf("%s: %q", dir, got)
		}
	}
}

// No folder is hidden, and none looks like a flag.
func TestFolderNames(t *testing.T) {
	names, err := folderNames([]string{"./a", "../b", "/dev/ttyUSB0", "tcp:host:7000", "-c"})
	if want := []string{"a", "b", "ttyUSB0", "tcp-host-7000", "c"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%q, %v", names, err)
	}
}

// One port that cannot be opened, or two that are one: nothing is recorded, and nothing is left.
func TestCaptureOfSeveralLeavesNothing(t *testing.T) {
	_, slave := porttest.PTY(t)
	for _, c := range []struct{ other, why string }{
		{"/dev/null", "open port /dev/null"},
		{slave, "would both be recorded into"},
		{"exec:", "want a command"},
		{"//", "names no port"},
	} {
		t.Chdir(t.TempDir())
		var out, errs bytes.Buffer
		if rc := run(t.Context(), []string{"capture", slave, c.other}, &out, &errs); rc != exitLabFailed || !strings.Contains(errs.String(), c.why) {
			t.Errorf("%s: status %d: %s", c.other, rc, &errs)
		}
		if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v, %v", c.other, left, err)
		}
	}
}
