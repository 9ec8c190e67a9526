// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// module compiles an object with nothing but a .modinfo section, as the dependencies are read from there.
func module(t *testing.T, path, depends string) {
	t.Helper()
	src := path + ".s"
	if err := os.WriteFile(src, []byte(".section .modinfo,\"a\"\n.asciz \"license=GPL\"\n.asciz \"depends="+depends+"\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-c", "-o", path, src).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	if err := os.Remove(src); err != nil {
		t.Fatal(err)
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*.ko*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestExpand(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	module(t, filepath.Join(dir, "virtio_pci.ko"), "virtio,virtio_pci_modern_dev,virtio_ring")
	module(t, filepath.Join(dir, "virtio-pci-modern-dev.ko"), "")
	module(t, filepath.Join(dir, "virtio_ring.ko"), "virtio")
	module(t, filepath.Join(dir, "virtio.ko"), "")
	module(t, filepath.Join(dir, "virtio_balloon.ko"), "virtio")
	if o, err := exec.Command("xz", filepath.Join(dir, "virtio.ko")).CombinedOutput(); err != nil {
		t.Fatalf("xz: %v\n%s", err, o)
	}
	got, err := expand(t.Context(), files(t, dir), out, "kernel/drivers/char/virtio_console.ko\n", controlModules)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"virtio.ko", "virtio_pci_modern_dev.ko", "virtio_ring.ko", "virtio_pci.ko"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if deps, err := depends(filepath.Join(out, "virtio.ko")); err != nil || len(deps) != 0 {
		t.Errorf("decompressed: %q, %v", deps, err)
	}
	_, err = expand(t.Context(), files(t, dir), out, "", controlModules)
	if err == nil || !strings.Contains(err.Error(), "virtio_console, needed by the control channel") {
		t.Errorf("missing module: %v", err)
	}
	if got, err := expand(t.Context(), files(t, dir), out, "kernel/drivers/char/virtio_console.ko\nkernel/drivers/virtio/virtio_pci.ko\n", controlModules); err != nil || len(got) != 0 {
		t.Errorf("all built in: %q, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "virtio_ring.ko"), []byte("no module"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := expand(t.Context(), files(t, dir), out, "", []string{"virtio_pci"}); err == nil || !strings.Contains(err.Error(), "virtio_ring") {
		t.Errorf("damaged module: %v", err)
	}
}
