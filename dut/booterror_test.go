// SPDX-License-Identifier: Apache-2.0

package dut

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestDeath(t *testing.T) {
	for _, c := range []struct {
		console, line string
		at            int
	}{
		{"", "", -1},
		{"[    1.0] Run /init as init process\r\n", "", -1},
		{"ab\r\n[    1.0] Kernel panic - not syncing: VFS: no root\r\nCPU: 0", "Kernel panic - not syncing: VFS: no root", 14},
		{"Kernel panic - not syn", "", -1},
		{"PANIC: early exception 0x0d IP 10\nKernel panic - not syncing: x", "PANIC: early exception 0x0d IP 10", 0},
	} {
		if at, line := Death([]byte(c.console)); at != c.at || line != c.line {
			t.Errorf("%q: %d, %q, want %d, %q", c.console, at, line, c.at, c.line)
		}
	}
}

func TestBootError(t *testing.T) {
	var console strings.Builder
	for i := range 20 {
		fmt.Fprintf(&console, "line %d\r\n\r\n", i)
	}
	err := fmt.Errorf("take snapshot: %w", NewBootError("the kernel panicked", []byte(console.String()+"cut\xff")))
	var boot *BootError
	if !errors.As(err, &boot) {
		t.Fatal("not found in its wrapping")
	}
	if n := len(boot.Console); n != lastLines || boot.Console[0] != "line 9" || boot.Console[n-1] != "cut?" {
		t.Errorf("console: %q", boot.Console)
	}
	if s := err.Error(); !strings.Contains(s, "the kernel panicked before it was armed") || !strings.Contains(s, "\n  line 19\n  cut?") {
		t.Errorf("error: %s", s)
	}
	if s := NewBootError("it fell silent", nil).Error(); !strings.Contains(s, "nothing was on its console") {
		t.Errorf("error: %s", s)
	}
}
