// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"lastpage/kernels/plan"
)

func TestCrashRange(t *testing.T) {
	for _, c := range []struct {
		iomem string
		want  uintptr
		ok    bool
	}{
		{"00100000-0fffffff : System RAM\n  04000000-05ffffff : Kernel code\n  0b000000-0effffff : Crash kernel\nb0000000-bfffffff : PCI\n", 0xb000000, true},
		{"0b000010-0effffff : Crash kernel\n", 0xb001000, true},
		{"0b000000-0b0000ff : Crash kernel\n", 0, false},
		{"00000000-00000000 : Crash kernel\n", 0, false}, // without the right to see addresses
		{"00100000-0fffffff : System RAM\n", 0, false},
		{"junk : Crash kernel\n", 0, false},
		{"", 0, false},
	} {
		got, err := crashRange(c.iomem)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%q: %#x, %v", c.iomem, got, err)
		}
	}
}

// The table that lidt loads must be ten zero bytes of the stub itself.
func TestCrashStubTable(t *testing.T) {
	for _, how := range []plan.Death{plan.DeathHang, plan.DeathReset, plan.DeathTriple} {
		for _, port := range []uint16{0, plan.DoorbellPort} {
			c := crashStub(port, how)
			if bytes.Contains(c, []byte{0xef}) != (port != 0) {
				t.Errorf("%s, port %#x: rings %x", how, port, c)
			}
			i := bytes.Index(c, []byte{0x0f, 0x01, 0x1d})
			if (i >= 0) != (how == plan.DeathTriple) {
				t.Fatalf("%s: lidt at %d", how, i)
			}
			if i < 0 {
				continue
			}
			at := i + 7 + int(c[i+3])
			if len(c) != at+10 || !bytes.Equal(c[at:], make([]byte, 10)) {
				t.Errorf("lidt at %d of %d bytes takes %x", i, len(c), c[at:])
			}
		}
	}
}

func TestFindPort(t *testing.T) {
	dir := t.TempDir()
	for port, name := range map[string]string{"vport1p1": "org.other\n", "vport2p3": plan.ControlName + "\n"} {
		if err := os.Mkdir(filepath.Join(dir, port), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, port, "name"), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := findPort(dir); err != nil || p != "/dev/vport2p3" {
		t.Errorf("%q, %v", p, err)
	}
	if p, err := findPort(t.TempDir()); err == nil {
		t.Errorf("found %q in nothing", p)
	}
}
