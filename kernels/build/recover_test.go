// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain is also the process that TestKill kills.
func TestMain(m *testing.M) {
	dir := os.Getenv("LASTPAGE_TEST_TREE")
	if dir == "" {
		os.Exit(m.Run())
	}
	f := &fake{dir: dir}
	_, err := Build(context.Background(), f.spec(), nil)
	fmt.Fprintln(os.Stderr, "not killed:", err)
	os.Exit(1)
}

// A builder that is killed takes make with it, frees its lock, and the next one does not trust half an object.
func TestKill(t *testing.T) {
	f := newFake(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LASTPAGE_TEST_TREE="+f.dir, "FAKE_SLEEP=1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(os.Getenv("LASTPAGE_CACHE"), "build", "*", "obj", "a.o")
	waitFor(t, "half an object", func() bool {
		found, _ := filepath.Glob(half)
		return len(found) == 1
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	waitFor(t, "the end of make", func() bool { return processes(t, f.dir, os.Getenv("LASTPAGE_CACHE")) == "" })
	if found, _ := filepath.Glob(half); len(found) != 1 {
		t.Fatal("half an object is gone: this test proves nothing")
	}
	if got := read(t, f.build(f.spec()).Vmlinuz); strings.Contains(got, "half") {
		t.Errorf("half an object was linked: %q", got)
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 3000 {
		if ok() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("waited a minute for %s", what)
}
