// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUseTree(t *testing.T) {
	t.Setenv(CatalogueEnv, "")
	dir := t.TempDir()
	tarball, patch := filepath.Join(dir, "linux.tar.xz"), filepath.Join(dir, "mine.patch")
	for f, text := range map[string]string{tarball: "\xfd7zXZ", patch: "--- a/k\n+++ b/k\n@@ -1 +1 @@\n-a\n+b\n", filepath.Join(dir, "Makefile"): "VERSION = 7\n",
		filepath.Join(dir, "scripts/package/install-extmod-build"): "#!/bin/sh\n"} {
		if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]string{dir: dir, tarball: tarball, "https://example.org/linux.git": "https://example.org/linux.git",
		"https://example.org/linux#v7.4-rc1": "https://example.org/linux v7.4-rc1", "git@example.org:linux.git#main": "git@example.org:linux.git main"} {
		c, err := LoadCatalogue()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Use(Strategic, Tree{Source: text, Patches: []string{patch}}); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		k, _ := c.Kernel(Strategic)
		b := k.Source.Build
		if b.String() != want || b.Series != "7.x" || len(b.Patches) != 1 || b.Package != nil {
			t.Errorf("%s: %+v", text, b)
		}
	}
}

func TestUseTreeRefuses(t *testing.T) {
	t.Setenv(CatalogueEnv, "")
	c, err := LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty.tar.xz")
	if err := os.WriteFile(empty, []byte("# hello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, try := range []struct {
		kernel string
		tree   Tree
		want   string
	}{
		{Strategic, Tree{Source: "no/such/tree"}, "neither a directory"},
		{Strategic, Tree{Patches: []string{"no/such.patch"}}, "no/such.patch"},
		{Strategic, Tree{Config: "no/such.config"}, "no/such.config"},
		{Strategic, Tree{Source: "https://example.org/linux#-x"}, "begins with '-'"},
		{Strategic, Tree{Source: t.TempDir()}, "not a kernel tree"},
		{Strategic, Tree{Source: empty}, "not a tarball"},
		{Strategic, Tree{Patches: []string{empty}}, "not a patch"},
		{Strategic, Tree{Config: empty}, "not a kernel configuration"},
		{"debian-6.12", Tree{Source: t.TempDir()}, "is fetched, not built"},
		{"linux-8", Tree{}, "no kernel"},
	} {
		if err := c.Use(try.kernel, try.tree); err == nil || !strings.Contains(err.Error(), try.want) {
			t.Errorf("%+v: %v", try, err)
		}
	}
	if k, _ := c.Kernel(Strategic); k.Source.Build.Package == nil {
		t.Error("a refused tree changed the catalogue")
	}
}
