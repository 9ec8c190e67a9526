// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestBuildOnce(t *testing.T) {
	for _, kind := range []string{"dir", "tarball"} {
		t.Run(kind, func(t *testing.T) {
			f := newFake(t)
			s := f.spec()
			if kind == "tarball" {
				s = f.tarball()
			}
			var ev events
			k, err := Build(t.Context(), s, ev.add)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.compiled(); got != "a.o b.o" {
				t.Errorf("compiled %q", got)
			}
			if got := read(t, k.Vmlinuz); got != "int a;\n#define C 1\nint b;\n#define C 1\n" {
				t.Errorf("vmlinuz %q", got)
			}
			if k.Release != "7.3.0-fake" || k.Objects != 2 || !strings.Contains(read(t, k.Config), "CONFIG_A=y\n") {
				t.Errorf("kernel %+v", k)
			}
			for _, p := range []string{k.Vmlinux, k.SystemMap, k.Build + "/Makefile", k.Log} {
				if _, err := os.Stat(p); err != nil {
					t.Error(err)
				}
			}
			if got := ev.steps(); !strings.HasSuffix(got, "copy patch configure compile link collect") {
				t.Errorf("steps %q", got)
			}
			if again := f.build(s); again.Key != k.Key || f.compiled() != "" {
				t.Error("built again")
			}
			if left, _ := filepath.Glob(filepath.Join(os.Getenv("LASTPAGE_CACHE"), "build-log", "*")); len(left) > 0 {
				t.Errorf("logs of builds that succeeded are left: %v", left)
			}
		})
	}
}

// A patch set compiles what it touches, its absence compiles it back, and the results are those of a fresh tree.
func TestPatches(t *testing.T) {
	f := newFake(t)
	s := f.tarball()
	plain := f.build(s)
	f.compiled()

	s.Patches = []Patch{diff("a.c", "int a;", "int aa;"), diff("a.c", "int aa;", "int aaa;")}
	patched := f.build(s)
	if got := f.compiled(); got != "a.o" {
		t.Errorf("patched: compiled %q", got)
	}
	if got := read(t, patched.Vmlinuz); !strings.Contains(got, "int aaa;") {
		t.Errorf("patched: %q", got)
	}

	s.Patches = []Patch{diff("b.c", "int b;", "int bb;")}
	other := f.build(s)
	if got := f.compiled(); got != "a.o b.o" {
		t.Errorf("other patch: compiled %q, want a.o back and b.o patched", got)
	}
	if got := read(t, other.Vmlinuz); strings.Contains(got, "aaa") || !strings.Contains(got, "bb") {
		t.Errorf("other patch: %q", got)
	}

	s.Patches = nil
	if k := f.build(s); k.Key != plain.Key || f.compiled() != "" {
		t.Error("the unpatched kernel was built again")
	}
	added := Patch{Name: "new", Data: []byte("--- /dev/null\n+++ b/c.c\n@@ -0,0 +1 @@\n+int c;\n")}
	s.Patches = []Patch{added}
	if got := read(t, f.build(s).Vmlinuz); !strings.Contains(got, "int c;") {
		t.Errorf("new file: %q", got)
	}
	s.Patches = []Patch{diff("a.c", "int a;", "int A;")}
	if got := read(t, f.build(s).Vmlinuz); strings.Contains(got, "int c;") {
		t.Errorf("a file that an earlier patch made is still there: %q", got)
	}
}

func TestPatchDoesNotApply(t *testing.T) {
	f := newFake(t)
	_, err := Build(t.Context(), f.spec(diff("a.c", "int x;", "int y;")), nil)
	if err == nil || !strings.Contains(err.Error(), "patch a.c.patch does not apply") {
		t.Errorf("error %v", err)
	}
	if got := f.compiled(); got != "" {
		t.Errorf("compiled %q", got)
	}
}

// The user's directory is followed and never written.
func TestDir(t *testing.T) {
	f := newFake(t)
	k := f.build(f.spec())
	f.compiled()
	before := listing(t, f.dir)

	f.build(f.spec(diff("a.c", "int a;", "int aa;")))
	if got := listing(t, f.dir); got != before {
		t.Errorf("the directory changed:\n%s\n%s", before, got)
	}
	f.compiled()
	f.write("b.c", "int edited;\n", 0o644)
	edited := f.build(f.spec())
	if got := f.compiled(); got != "a.o b.o" {
		t.Errorf("compiled %q, want the patched a.o back and the edited b.o", got)
	}
	if edited.Key == k.Key || !strings.Contains(read(t, edited.Vmlinuz), "edited") {
		t.Error("the edit was not seen")
	}
	f.write("b.c", "int b;\n", 0o644)
	if back := f.build(f.spec()); back.Key != k.Key || f.compiled() != "" {
		t.Error("the same content was built again")
	}
	if err := os.Remove(filepath.Join(f.dir, "b.c")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, f.build(f.spec()).Vmlinuz); strings.Contains(got, "int b;") {
		t.Error("a removed file was compiled")
	}
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		b.WriteString(p + " " + st.ModTime().String() + " " + st.Mode().String() + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDirBuiltIn(t *testing.T) {
	f := newFake(t)
	f.write(".config", "", 0o644)
	_, err := Build(t.Context(), f.spec(), nil)
	if err == nil || !strings.Contains(err.Error(), "make mrproper") {
		t.Errorf("error %v", err)
	}
	// A git checkout may be built in: git knows what is source.
	f.write(".gitignore", ".config\n*.o\n", 0o644)
	f.write("c.c", "int untracked;\n", 0o644)
	f.write("stale.o", "", 0o644)
	if _, err := output(t.Context(), f.dir, "git", "init", "-q"); err != nil {
		t.Skip(err)
	}
	if _, err := output(t.Context(), f.dir, "git", "add", "Makefile", "a.c", "b.c", "common.h", "scripts"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, f.build(f.spec()).Vmlinuz); !strings.Contains(got, "untracked") {
		t.Errorf("vmlinuz %q", got)
	}
}

func TestCompilerError(t *testing.T) {
	f := newFake(t)
	f.write("b.c", "BROKEN\n", 0o644)
	_, err := Build(t.Context(), f.spec(), nil)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v", err)
	}
	if e.Step != "compile" || !strings.HasPrefix(e.Text, "b.c: In function 'f':\nb.c:1:1: error: expected ';'") {
		t.Errorf("step %q, text:\n%s", e.Step, e.Text)
	}
	if !strings.Contains(err.Error(), e.Log) || !strings.Contains(read(t, e.Log), "error: expected") {
		t.Errorf("the log is not kept: %v", err)
	}
	f.write("b.c", "int b;\n", 0o644)
	f.build(f.spec())
	if got := f.compiled(); got != "a.o b.o" {
		t.Errorf("after the repair: compiled %q, want a.o (of the failed build) and b.o", got)
	}
}

func TestConfigLineRefused(t *testing.T) {
	f := newFake(t)
	s := f.spec()
	s.Config.Fragment = []byte("CONFIG_A=y\nCONFIG_REFUSED=y\n")
	_, err := Build(t.Context(), s, nil)
	if err == nil || !strings.Contains(err.Error(), "CONFIG_REFUSED=y") || strings.Contains(err.Error(), "CONFIG_A") {
		t.Errorf("error %v", err)
	}
	s.Config = Config{Full: []byte("CONFIG_A=y\nCONFIG_REFUSED=y\n")}
	if got := read(t, f.build(s).Config); got != "CONFIG_A=y\n" {
		t.Errorf("full config: %q", got)
	}
	if _, err := Build(t.Context(), Spec{Source: s.Source}, nil); err == nil {
		t.Error("no config: no error")
	}
}

// Builds of different patches in the same tree at once come out as if they had been alone.
func TestConcurrent(t *testing.T) {
	f := newFake(t)
	s := f.tarball()
	var wg sync.WaitGroup
	text := make([]string, 6)
	for i := range text {
		s := s
		if i%3 > 0 {
			s.Patches = []Patch{diff("a.c", "int a;", "int "+strings.Repeat("x", i%3)+";")}
		}
		wg.Go(func() {
			k, err := Build(t.Context(), s, nil)
			if err != nil {
				t.Error(err)
				return
			}
			data, err := os.ReadFile(k.Vmlinuz)
			if err != nil {
				t.Error(err)
			}
			text[i] = string(data)
		})
	}
	wg.Wait()
	for i, name := range []string{"a", "x", "xx", "a", "x", "xx"} {
		if want := "int " + name + ";\n#define C 1\nint b;\n#define C 1\n"; text[i] != want {
			t.Errorf("build %d: %q, want %q", i, text[i], want)
		}
	}
	if got := strings.Count(f.compiled(), "b.o"); got != 1 {
		t.Errorf("b.o was compiled %d times", got)
	}
}

// Builds in different trees do not wait for each other: each is still at its first object when the other has begun its own.
func TestConcurrentTrees(t *testing.T) {
	f := newFake(t)
	t.Setenv("FAKE_SLEEP", "1000")
	ctx, cancel := cancelled(t)
	begun := make(chan string, 4)
	var wg sync.WaitGroup
	for _, fragment := range []string{"CONFIG_A=y\n", "CONFIG_C=y\n"} {
		s := f.spec()
		s.Config = Config{Fragment: []byte(fragment)}
		wg.Go(func() {
			var once sync.Once
			_, err := Build(ctx, s, func(e Event) {
				if e.Step == "compile" && e.Done == 1 {
					once.Do(func() { begun <- fragment })
				}
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%q: %v", fragment, err)
				begun <- "an error"
			}
		})
	}
	first, second := <-begun, <-begun
	if first == second {
		t.Errorf("%q twice", first)
	}
	cancel()
	wg.Wait()

	t.Setenv("FAKE_SLEEP", "0")
	kernels := make([]*Kernel, 2)
	for i, fragment := range []string{"CONFIG_A=y\n", "CONFIG_C=y\n"} {
		s := f.spec()
		s.Config = Config{Fragment: []byte(fragment)}
		wg.Go(func() {
			k, err := Build(t.Context(), s, nil)
			if err != nil {
				t.Error(err)
				return
			}
			kernels[i] = k
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	if a, c := read(t, kernels[0].Config), read(t, kernels[1].Config); !strings.Contains(a, "CONFIG_A=y") || strings.Contains(a, "CONFIG_C") ||
		!strings.Contains(c, "CONFIG_C=y") || strings.Contains(c, "CONFIG_A") {
		t.Errorf("configurations %q, %q", a, c)
	}
	for _, k := range kernels {
		if got := read(t, k.Vmlinuz); got != "int a;\n#define C 1\nint b;\n#define C 1\n" {
			t.Errorf("vmlinuz %q", got)
		}
	}
}

// A build that is stopped leaves no process, and what it left half written is not taken for finished.
func TestCancel(t *testing.T) {
	f := newFake(t)
	t.Setenv("FAKE_SLEEP", "1000")
	ctx, cancel := cancelled(t)
	var once sync.Once
	_, err := Build(ctx, f.spec(), func(e Event) {
		if e.Step == "compile" && e.Done == 1 {
			once.Do(func() { time.AfterFunc(100*time.Millisecond, cancel) })
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	var e *Error
	if errors.As(err, &e) {
		t.Errorf("a cancelled build was called a failed one: %v", err)
	}
	if left := processes(t, f.dir, os.Getenv("LASTPAGE_CACHE")); left != "" {
		t.Errorf("processes left: %s", left)
	}
	t.Setenv("FAKE_SLEEP", "0")
	k := f.build(f.spec())
	if got := read(t, k.Vmlinuz); strings.Contains(got, "half") {
		t.Errorf("half an object was linked: %q", got)
	}
}

// processes lists command lines that mention one of the paths.
func processes(t *testing.T, paths ...string) string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, p := range all {
		data, _ := os.ReadFile(p)
		for _, path := range paths {
			if strings.Contains(string(data), path) {
				found = append(found, strings.ReplaceAll(string(data), "\x00", " "))
			}
		}
	}
	return strings.Join(found, "\n")
}

func TestProgressShare(t *testing.T) {
	f := newFake(t)
	s := f.tarball()
	f.build(s)
	var ev events
	s.Patches = []Patch{diff("common.h", "#define C 1", "#define C 2")}
	if _, err := Build(t.Context(), s, ev.add); err != nil {
		t.Fatal(err)
	}
	var last Event
	for _, e := range ev.list {
		if e.Step == "compile" {
			last = e
		}
	}
	if last.Done != 2 || last.Total != 2 {
		t.Errorf("a header that both objects depend on: %+v", last)
	}
	// Another source with the same configuration: the estimate is the first build's count.
	f.write("a.c", "int z;\n", 0o644)
	ev = events{}
	if _, err := Build(t.Context(), f.spec(), ev.add); err != nil {
		t.Fatal(err)
	}
	for _, e := range ev.list {
		if e.Step == "compile" && e.Total != 2 {
			t.Errorf("first build in a new tree: %+v", e)
		}
	}
}

func TestConfigKeyIgnoresComments(t *testing.T) {
	key := func(text string) string { return Config{Fragment: []byte(text)}.key() }
	base := key("# why\nCONFIG_A=y\n# CONFIG_B is not set\n")
	if same := key("\n# a better reason\n  CONFIG_A=y\n# CONFIG_B is not set\n"); same != base {
		t.Error("a comment is part of the key")
	}
	for _, other := range []string{"CONFIG_A=y\n", "CONFIG_A=m\n# CONFIG_B is not set\n", "CONFIG_A=y\n# CONFIG_B\n"} {
		if key(other) == base {
			t.Errorf("%q has the same key", other)
		}
	}
}
