// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// fakeMakefile behaves like the kernel's as far as this package can see: O=, KCONFIG_CONFIG, short output, .cmd files with
// dependencies, and a compiler that stops at the word BROKEN. FAKE_SLEEP and FAKE_RUNS come from the environment.
const fakeMakefile = `
OBJS := $(patsubst %.c,%.o,$(notdir $(wildcard *.c)))
T := $(addprefix $(O)/,$(OBJS))
srctree := $(CURDIR)
tinyconfig:
	@echo "# CONFIG_B is not set" >$(O)/$(KCONFIG_CONFIG)
olddefconfig:
	@grep -v CONFIG_REFUSED $(O)/$(KCONFIG_CONFIG) >$(O)/tmp; mv $(O)/tmp $(O)/$(KCONFIG_CONFIG)
$(O)/%.o: %.c $(wildcard *.h)
	@echo "  CC      $*.o"
	@if grep -q BROKEN $<; then echo "$<: In function 'f':" >&2; echo "$<:1:1: error: expected ';'" >&2; exit 1; fi
	@echo "half" >$@; sleep $${FAKE_SLEEP:-0}
	@cat $< *.h >$@; echo "deps $(CURDIR)/$< common.h" >$(O)/.$*.o.cmd; echo $*.o >>$(FAKE_RUNS)
bzImage: $(T)
	@mkdir -p $(O)/arch/x86/boot $(O)/include/config
	@echo "  LD      vmlinux"
	@cat $(T) >$(O)/vmlinux; cp $(O)/vmlinux $(O)/arch/x86/boot/bzImage; echo map >$(O)/System.map
	@echo 7.3.0-fake >$(O)/include/config/kernel.release
modules: bzImage
run-command:
	@$(KBUILD_RUN_COMMAND)
.DELETE_ON_ERROR:
.PHONY: tinyconfig olddefconfig bzImage modules run-command
`

const fakePack = "#!/bin/sh\nmkdir -p \"$1\" && echo headers >\"$1/Makefile\"\n"

// fake is a kernel tree of two C files, and a cache of its own.
type fake struct {
	t         *testing.T
	dir, runs string
}

func newFake(t *testing.T) *fake {
	t.Helper()
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	f := &fake{t: t, dir: filepath.Join(t.TempDir(), "linux"), runs: filepath.Join(t.TempDir(), "runs")}
	t.Setenv("FAKE_RUNS", f.runs)
	f.write("Makefile", fakeMakefile, 0o644)
	f.write("scripts/package/install-extmod-build", fakePack, 0o755)
	f.write("a.c", "int a;\n", 0o644)
	f.write("b.c", "int b;\n", 0o644)
	f.write("common.h", "#define C 1\n", 0o644)
	return f
}

func (f *fake) write(name, text string, mode os.FileMode) {
	f.t.Helper()
	p := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), mode); err != nil {
		f.t.Fatal(err)
	}
}

// compiled returns what was compiled since it was asked last.
func (f *fake) compiled() string {
	data, _ := os.ReadFile(f.runs)
	os.Remove(f.runs)
	return strings.Join(strings.Fields(string(data)), " ")
}

func (f *fake) spec(patches ...Patch) Spec {
	return Spec{Source: Source{Dir: f.dir}, Config: Config{Fragment: []byte("CONFIG_A=y\n")}, Patches: patches, Jobs: 1}
}

// tarball packs the tree as a release would be.
func (f *fake) tarball() Spec {
	s := f.spec()
	tar := filepath.Join(f.t.TempDir(), "linux.tar.gz")
	if _, err := output(f.t.Context(), "", "tar", "-C", filepath.Dir(f.dir), "-czf", tar, "linux"); err != nil {
		f.t.Fatal(err)
	}
	s.Source = Source{Tarball: tar}
	return s
}

func (f *fake) build(s Spec) *Kernel {
	f.t.Helper()
	k, err := Build(f.t.Context(), s, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return k
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func diff(name, old, new string) Patch {
	return Patch{Name: name + ".patch", Data: []byte("--- a/" + name + "\n+++ b/" + name + "\n@@ -1 +1 @@\n-" + old + "\n+" + new + "\n")}
}

// events collects progress from any number of builds.
type events struct {
	sync.Mutex
	list []Event
}

func (e *events) add(ev Event) {
	e.Lock()
	defer e.Unlock()
	e.list = append(e.list, ev)
}

func (e *events) steps() string {
	e.Lock()
	defer e.Unlock()
	var names []string
	for _, ev := range e.list {
		if len(names) == 0 || names[len(names)-1] != ev.Step {
			names = append(names, ev.Step)
		}
	}
	return strings.Join(names, " ")
}

func cancelled(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}
