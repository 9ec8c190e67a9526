// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// packageOf makes a package of that name with files in it. A file called Depends is what it depends on.
func packageOf(t *testing.T, name string, files map[string]string) string {
	t.Helper()
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("no dpkg-deb, which a package needs")
	}
	dir := t.TempDir()
	files["DEBIAN/control"] = "Package: " + name + "\nVersion: 1\nArchitecture: amd64\nMaintainer: me <me@here>\nDescription: a kernel\n"
	if depends, ok := files["Depends"]; ok {
		delete(files, "Depends")
		files["DEBIAN/control"] += "Depends: " + depends + "\n"
	}
	for at, text := range files {
		path := filepath.Join(dir, "tree", at)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	deb := filepath.Join(dir, "package.deb")
	if out, err := exec.Command("dpkg-deb", "--root-owner-group", "--build", filepath.Join(dir, "tree"), deb).CombinedOutput(); err != nil {
		t.Fatalf("dpkg-deb: %v\n%s", err, out)
	}
	return deb
}

// A package of Debian's, one of make bindeb-pkg, and one as Debian splits them since 7.x.
func TestUnpackImage(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string // files, sorted; or what is wrong
	}{
		{"linux-image-6.12.1-amd64-unsigned", map[string]string{"boot/vmlinuz-6.12.1-amd64": "k", "boot/config-6.12.1-amd64": "c", "boot/System.map-6.12.1-amd64": "s",
			"lib/modules/6.12.1-amd64/modules.builtin": "b", "lib/modules/6.12.1-amd64/kernel/drivers/char/virtio_console.ko.xz": "m",
			"lib/modules/6.12.1-amd64/kernel/fs/ext4/ext4.ko.xz": "x"}, "config modules modules.builtin vmlinuz"},
		{"linux-image-7.1.0-rc2", map[string]string{"boot/vmlinuz-7.1.0-rc2": "k"}, "modules vmlinuz"},
		{"linux-binary-7.3.4-amd64", map[string]string{"usr/lib/modules/7.3.4-amd64/vmlinuz": "k"}, "modules vmlinuz"},
		{"linux-image-7.3.4-amd64", map[string]string{"usr/share/doc/x": "d"}, "its kernel is in linux-binary-7.3.4-amd64"},
	} {
		dir := t.TempDir()
		err := UnpackImage(t.Context(), packageOf(t, c.name, c.files), dir)
		if err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if err := UnpackImage(t.Context(), filepath.Join(t.TempDir(), "none.deb"), t.TempDir()); err == nil {
		t.Error("a package that is not there was unpacked")
	}
}
