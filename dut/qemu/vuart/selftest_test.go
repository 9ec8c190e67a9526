// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestSelfTest runs the guest on the installed QEMU, past the cache.
func TestSelfTest(t *testing.T) {
	qemu, err := exec.LookPath("qemu-system-x86_64")
	if err != nil {
		t.Skip("no QEMU here")
	}
	plugin, err := Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fit, err := try(t.Context(), t.TempDir(), qemu, plugin)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", fit)
}

// TestSelfTestRefuses: a program that is no QEMU, and one that cannot load the plugin.
func TestSelfTestRefuses(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	fake := filepath.Join(t.TempDir(), "qemu")
	if err := os.WriteFile(fake, []byte("#!/bin/sh\necho undefined symbol: isa_get_irq >&2; exit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{fake, "/nonexistent/qemu"} {
		if _, err := SelfTest(t.Context(), q); !errors.Is(err, ErrUnfit) {
			t.Errorf("%s: %v", q, err)
		} else {
			t.Log(err)
		}
	}
}
