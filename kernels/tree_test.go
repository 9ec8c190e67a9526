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
	for _, f := range []string{tarball, patch} {
		if err := os.WriteFile(f, nil, 0o644); err != nil {
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
	for _, try := range []struct {
		kernel string
		tree   Tree
		want   string
	}{
		{Strategic, Tree{Source: "no/such/tree"}, "neither a directory"},
		{Strategic, Tree{Patches: []string{"no/such.patch"}}, "no/such.patch"},
		{Strategic, Tree{Config: "no/such.config"}, "no/such.config"},
		{Strategic, Tree{Source: "https://example.org/linux#-x"}, "begins with '-'"},
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
