// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"strings"
	"testing"

	"lastpage/lab/qemu"
)

func TestInventoryRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"unknown key", "boards:\n  - name: a\n    kind: qemu\n    cpuz: 2\n", "[4:5] key \"cpuz\": there is none of that name here; did you mean cpus?"},
		{"no boards", "boards: []\n", "no boards"},
		{"not yaml", "boards: [\n", "["},
		{"kind", "boards:\n  - name: a\n    kind: toaster\n", "kind \"toaster\""},
		{"twice", "boards:\n  - {name: a, kind: qemu}\n  - {name: a, kind: qemu}\n", "twice"},
		{"null entry", "boards:\n  -\n", "board 1 is empty"},
		{"cpus", "boards:\n  - {name: a, kind: qemu, cpus: 99}\n", "cpus 99"},
		{"snapshots need exact", "boards:\n  - {name: a, kind: qemu, wire: concurrent, snapshot: true}\n", "need the exact wire"},
		{"bad name", "boards:\n  - {name: ../a, kind: qemu}\n", "name \"../a\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseInventory([]byte(c.in))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want it to say %q", err, c.want)
			}
		})
	}
}

func TestBuiltinInventory(t *testing.T) {
	inv, err := LoadInventory("")
	if err != nil {
		t.Fatal(err)
	}
	b, err := inv.Find("qemu")
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := b.Entry.(*qemu.Entry); !ok || e.Memory != 256 || e.Shift != 4 || e.Seed == 0 {
		t.Errorf("defaults are not filled in: %+v", b)
	}
	if _, err := inv.Find("nope"); err == nil || !strings.Contains(err.Error(), "qemu-smp1") {
		t.Errorf("an unknown board must list the known ones, got %v", err)
	}
}

func FuzzParseInventory(f *testing.F) {
	f.Add(builtin)
	f.Add([]byte("boards:\n  - {name: a, kind: qemu}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		inv, err := ParseInventory(data)
		if err == nil && len(inv.Boards) == 0 {
			t.Error("an inventory without boards was accepted")
		}
	})
}
