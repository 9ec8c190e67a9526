// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"lastpage/kernels/plan"
)

func TestPlace(t *testing.T) {
	const iomem = "00001000-0009fbff : System RAM\n00100000-0bffffff : Reserved\n0c000000-3ffdbfff : System RAM\n  17a00000-18bfffff : Kernel code\n" +
		"  18c00000-19605fff : Kernel rodata\n  19800000-19bb61bf : Kernel data\n  1a0c3000-1a7fffff : Kernel bss\n100000000-13fffffff : System RAM\n"
	got, err := place(iomem, "0x000000001a79e000 1024\n")
	want := &plan.Place{RAM: []plan.Span{{At: 0xc000000, Size: 0x33fdc000}, {At: 0x100000000, Size: 0x40000000}}, Kernel: plan.Span{At: 0x17a00000, Size: 0x2e00000},
		VMCoreInfo: plan.Span{At: 0x1a79e000, Size: 0x1024}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{"", "00000000-00000000 : System RAM\n", "x-y : Kernel code\n"} {
		if got, err := place(text, "0x1000 10"); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
	if _, err := place(iomem, ""); err == nil {
		t.Error("no VMCOREINFO, and no error")
	}
}

// The core is one that others read, byte by byte what the memory held.
func TestKept(t *testing.T) {
	memory := make([]byte, 0x4000)
	for i := range memory {
		memory[i] = byte(i * 7 >> 3)
	}
	path := filepath.Join(t.TempDir(), "mem")
	if err := os.WriteFile(path, memory, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	k, err := newKept(plan.Span{At: 0x3010, Size: 0x20}, []plan.Span{{At: 0x1000, Size: 0x1800}, {At: 0x3000, Size: 0x1000}}, f)
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for buf := make([]byte, 1000); int64(all.Len()) < k.Size(); {
		n, err := k.ReadAt(buf, int64(all.Len()))
		if err != nil || n == 0 {
			t.Fatalf("at %d: %d, %v", all.Len(), n, err)
		}
		all.Write(buf[:n])
	}
	core, err := elf.NewFile(bytes.NewReader(all.Bytes()))
	if err != nil || core.Type != elf.ET_CORE || len(core.Progs) != 3 {
		t.Fatalf("%+v, %v", core, err)
	}
	for _, p := range core.Progs {
		data, err := io.ReadAll(p.Open())
		if err != nil || !bytes.Equal(data, memory[p.Paddr:p.Paddr+p.Filesz]) {
			t.Errorf("at %#x: %d bytes, %v", p.Paddr, len(data), err)
		}
	}
	if _, err := newKept(plan.Span{At: 0x2800, Size: 0x20}, []plan.Span{{At: 0x1000, Size: 0x1800}}, f); err == nil {
		t.Error("VMCOREINFO beyond the spans, and no error")
	}
	if _, err := k.ReadAt(make([]byte, 1), k.Size()); !errors.Is(err, io.EOF) {
		t.Errorf("after its end: %v", err)
	}
}
