// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const own = "linux-headers-6.12.1-mine"

func cache(t *testing.T) {
	t.Helper()
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
}

// The package of make bindeb-pkg is whole: its Makefile is the kernel's own and stays as it is.
func TestUnpackHeaders(t *testing.T) {
	cache(t)
	const makefile = "# see /usr/src/linux\n"
	dir, err := UnpackHeaders(t.Context(), packageOf(t, own, map[string]string{"usr/src/" + own + "/Makefile": makefile}), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "Makefile"))
	if err != nil || string(text) != makefile {
		t.Errorf("%q, %v", text, err)
	}
}

// Debian's package is one of three, and the others must lie beside it.
func TestUnpackHeadersOfDebian(t *testing.T) {
	cache(t)
	folder := t.TempDir()
	put := func(name string, files map[string]string) string {
		t.Helper()
		at := filepath.Join(folder, name+"_1_amd64.deb")
		if err := os.Rename(packageOf(t, name, files), at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	const common, kbuild = "linux-headers-6.12.1-common", "linux-kbuild-6.12.1"
	deb := put(own, map[string]string{"usr/src/" + own + "/Makefile": "include /usr/src/" + common + "/Makefile\n",
		"Depends": common + " (= 1), " + kbuild + " (= 1)"})
	_, err := UnpackHeaders(t.Context(), deb, nil)
	if err == nil || !strings.Contains(err.Error(), "it needs "+common) {
		t.Fatalf("%v", err)
	}
	put(common, map[string]string{"usr/src/" + common + "/Makefile": "all:\n"})
	put(kbuild, map[string]string{"usr/lib/linux-kbuild-6.12.1/scripts/basic/fixdep": "#!/bin/sh\n"})
	dir, err := UnpackHeaders(t.Context(), deb, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	included := strings.TrimSuffix(strings.TrimPrefix(string(text), "include "), "\n")
	if _, err := os.Stat(included); err != nil {
		t.Errorf("what it includes: %v", err)
	}
}

func TestUnpackHeadersRefuses(t *testing.T) {
	cut := filepath.Join(t.TempDir(), "cut.deb")
	if err := os.WriteFile(cut, []byte("!<arch>\ndebian-binary"), 0o644); err != nil {
		t.Fatal(err)
	}
	for deb, want := range map[string]string{cut: "it is cut or no package", packageOf(t, "linux-image-6.12.1", map[string]string{}): "want linux-headers-RELEASE"} {
		if _, err := UnpackHeaders(t.Context(), deb, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", deb, err)
		}
	}
}
