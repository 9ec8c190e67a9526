// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"strings"
	"testing"
)

func TestProbeKVMNeverHangs(t *testing.T) {
	// Whatever the machine has, the answer is a fact in words, and no process stays.
	if err := ProbeKVM(t.Context()); err != nil && !strings.Contains(err.Error(), "kvm") {
		t.Errorf("the reason does not name kvm: %v", err)
	}
}

func TestVersion(t *testing.T) {
	v, err := Version(t.Context(), "")
	if err != nil || !strings.Contains(v, "QEMU") {
		t.Errorf("Version = %q, %v", v, err)
	}
	if _, err := Version(context.Background(), "/nonexistent/qemu"); err == nil || !strings.Contains(err.Error(), "setup.sh") {
		t.Errorf("a missing QEMU must name the cure, got %v", err)
	}
}
