// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"debug/elf"
	"io"
	"os"
	"testing"
)

func TestBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: compiles the runtime")
	}
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	t.Run("init", func(t *testing.T) { built(t, Build) })
	t.Run("stress", func(t *testing.T) { built(t, BuildStress) })
}

// built checks a program, and that it is compiled once.
func built(t *testing.T, build func(context.Context, io.Writer) (string, error)) {
	path, err := build(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Machine != elf.EM_X86_64 {
		t.Errorf("machine %v", f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("it wants a dynamic loader")
		}
	}
	t.Setenv("PATH", t.TempDir()) // no go any more
	again, err := build(t.Context(), nil)
	if err != nil || again != path {
		t.Errorf("second time: %q, %v", again, err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
