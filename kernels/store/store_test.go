// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// The test binary is also the other process: it makes one entry, and tells through files what it does.
func TestMain(m *testing.M) {
	switch os.Getenv("STORE_CHILD") {
	case "build":
		child(func(dir string) error {
			if err := appendLine(os.Getenv("STORE_LOG"), "built"); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "content"), []byte("whole"), 0o644)
		})
	case "hang":
		child(func(dir string) error {
			if err := os.WriteFile(filepath.Join(dir, "content"), []byte("half"), 0o644); err != nil {
				return err
			}
			fmt.Println("in the middle")
			select {}
		})
	default:
		os.Exit(m.Run())
	}
}

func child(build func(string) error) {
	dir, err := Do(context.Background(), "kind", "key", nil, func(_ context.Context, tmp string) error { return build(tmp) })
	if err == nil {
		var data []byte
		if data, err = os.ReadFile(filepath.Join(dir, "content")); err == nil && string(data) != "whole" {
			err = fmt.Errorf("content %q", data)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func appendLine(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, text)
	return errors.Join(err, f.Close())
}

func command(t *testing.T, mode, root, log string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_CHILD="+mode, "LASTPAGE_CACHE="+root, "STORE_LOG="+log)
	return cmd
}

// entries lists a kind's directory without the lock files.
func entries(t *testing.T, root string) []string {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(root, "kind"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		if !strings.HasSuffix(e.Name(), ".lock") {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestProcessesBuildOnce(t *testing.T) {
	root, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if out, err := command(t, "build", root, log).CombinedOutput(); err != nil {
				t.Errorf("child: %v: %s", err, out)
			}
		})
	}
	wg.Wait()
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != "built\n" {
		t.Errorf("log of builds %q, want one", data)
	}
}

func TestKilledBuilder(t *testing.T) {
	root, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	cmd := command(t, "hang", root, log)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	if _, err := out.Read(buf); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	t.Setenv("LASTPAGE_CACHE", root)
	if _, ok := Have("kind", "key"); ok {
		t.Fatal("a half-built entry is there")
	}
	if left := entries(t, root); len(left) != 1 {
		t.Fatalf("the killed builder left %q, want its own directory", left)
	}
	if out, err := command(t, "build", root, log).CombinedOutput(); err != nil {
		t.Fatalf("next builder: %v: %s", err, out)
	}
	if left := entries(t, root); len(left) != 1 || left[0] != "key" {
		t.Errorf("after the next builder: %q, want the entry only", left)
	}
}

func TestFailureLeavesNothing(t *testing.T) {
	root := t.TempDir()
	t.Setenv("LASTPAGE_CACHE", root)
	boom := errors.New("boom")
	fail := func(_ context.Context, tmp string) error {
		// as an unpacked package may have it
		if err := os.MkdirAll(filepath.Join(tmp, "a", "b"), 0o755); err != nil {
			return err
		}
		return errors.Join(boom, os.Chmod(filepath.Join(tmp, "a"), 0o555))
	}
	if _, err := Do(t.Context(), "kind", "key", nil, fail); !errors.Is(err, boom) {
		t.Fatalf("got %v", err)
	}
	if left := entries(t, root); len(left) != 0 {
		t.Errorf("left %q", left)
	}
	dir, err := Do(t.Context(), "kind", "key", nil, func(context.Context, string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	again, err := Do(t.Context(), "kind", "key", nil, fail)
	if err != nil || again != dir {
		t.Errorf("second call: %q, %v; want %q without a build", again, err, dir)
	}
}

func TestWaitingEndsWithContext(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	inside, leave := make(chan bool), make(chan bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := Do(context.Background(), "kind", "key", nil, func(context.Context, string) error {
			close(inside)
			<-leave
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	var said strings.Builder
	cancel()
	if _, err := Do(ctx, "kind", "key", &said, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(said.String(), "waiting for another builder") {
		t.Errorf("progress %q", said.String())
	}
	close(leave)
	wg.Wait()
}

func TestNames(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	for _, key := range []string{"", ".", "..", ".hidden", "a/b", "../a", "a b", strings.Repeat("x", 300)} {
		if p, err := Path("kind", key); err == nil {
			t.Errorf("key %q gives %s", key, p)
		}
	}
	if Key("ab", "c") == Key("a", "bc") || Key("a") == Key("a", "") {
		t.Error("different parts, same key")
	}
}

func TestRoot(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", "")
	t.Setenv("XDG_CACHE_HOME", "/x")
	if r, err := Root(); err != nil || r != "/x/lastpage" {
		t.Errorf("%q, %v", r, err)
	}
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "/h")
	if r, err := Root(); err != nil || r != "/h/.cache/lastpage" {
		t.Errorf("%q, %v", r, err)
	}
}

// In a context made by Only nothing is made, and what is there is found.
func TestOnly(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	nothing := func(context.Context, string) error { return nil }
	var absent *AbsentError
	if _, err := Do(Only(t.Context()), "kind", "key", nil, nothing); !errors.As(err, &absent) || !strings.Contains(err.Error(), "kind key is not in the cache") {
		t.Errorf("not there: %v", err)
	}
	want, err := Do(t.Context(), "kind", "key", nil, nothing)
	if err != nil {
		t.Fatal(err)
	}
	if dir, err := Do(Only(t.Context()), "kind", "key", nil, nothing); err != nil || dir != want {
		t.Errorf("there: %s, %v", dir, err)
	}
}

// A cache that cannot be written, or a disk without room, is an error that names the cache and the cure.
func TestCannotWrite(t *testing.T) {
	root := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(root, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LASTPAGE_CACHE", root)
	var w *WriteError
	_, err := Do(t.Context(), "kind", "key", nil, func(context.Context, string) error { return nil })
	if !errors.As(err, &w) || !strings.Contains(err.Error(), root) || !strings.Contains(err.Error(), "LASTPAGE_CACHE") {
		t.Errorf("a file in its place: %v", err)
	}
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	_, err = Do(t.Context(), "kind", "key", nil, func(context.Context, string) error {
		return &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	})
	if !errors.As(err, &w) || !strings.Contains(err.Error(), "make room") {
		t.Errorf("a full disk: %v", err)
	}
	_, err = Do(t.Context(), "kind", "key", nil, func(context.Context, string) error { return errors.New("no such package") })
	if err == nil || errors.As(err, &w) {
		t.Errorf("another failure: %v", err)
	}
}
