// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestSandbox: a QEMU as every board has it is under a seccomp filter in each of its threads, and a program that the monitor is asked to
// start does not start.
func TestSandbox(t *testing.T) {
	ram, err := NewRAM(64 << 20)
	if err != nil {
		t.Fatal(err)
	}
	defer ram.Close()
	m, err := Launch(t.Context(), Spec{Mode: Exact, Accel: "tcg", MemMiB: 64, CPUs: 1, Kernel: nothing(t), Shift: 4, Seed: 7}, Handed{RAM: ram})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", m.proc.PID()))
	if err != nil || len(threads) < 2 {
		t.Fatalf("%d threads, %v", len(threads), err)
	}
	for _, th := range threads {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/status", m.proc.PID(), th.Name()))
		if err != nil || !strings.Contains(string(b), "Seccomp:\t2\n") {
			t.Errorf("thread %s has no filter: %v", th.Name(), err)
		}
	}
	sign := t.TempDir() + "/started"
	err = m.mon.do(t.Context(), m.proc, "migrate", map[string]any{"uri": "exec:touch " + sign}, nil)
	t.Logf("asked to start a program: %v", err)
	for {
		if _, err := os.Stat(sign); err == nil {
			t.Fatal("a program was started")
		}
		select {
		case <-m.proc.Done():
			if err := m.proc.Failure(); !strings.Contains(err.Error(), "bad system call") {
				t.Errorf("it ended otherwise: %v", err)
			}
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// nothing is a boot sector that QEMU takes for an old kernel; it never runs.
func nothing(t *testing.T) string {
	t.Helper()
	b := make([]byte, 8<<10)
	copy(b[0x1fe:], []byte{0x55, 0xaa})
	copy(b[0x202:], "HdrS")
	b[0x206], b[0x207] = 0x00, 0x02
	path := t.TempDir() + "/kernel"
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
