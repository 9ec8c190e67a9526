// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A 256 MB RAM file, as `dmesg` reads it: find VMCOREINFO, decode, print.
func BenchmarkDmesg256MB(b *testing.B) {
	m := newMachine(4)
	r := m.newRing(prbOpts{countBits: 12, dataBits: 17, grown: 21, at: 512})
	for range 2000 {
		r.printk(Record{State: Finalized, Text: []byte("pci 0000:00:1f.2: [8086:2922] type 00 class 0x010601 conventional PCI endpoint")})
	}
	const at = 200 << 20
	path := filepath.Join(b.TempDir(), "ram")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(i * 7)
	}
	for off := int64(0); off < 256<<20; off += 1 << 20 { // no holes: the worst case
		if _, err := f.WriteAt(noise, off); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := f.WriteAt(m.mem, 0); err != nil {
		b.Fatal(err)
	}
	if _, err := f.WriteAt(append(m.vmcoreinfo(), 0), at); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(256 << 20)
	for b.Loop() {
		ram, err := OpenRAM(path)
		if err != nil {
			b.Fatal(err)
		}
		info, err := FindVMCoreInfo(context.Background(), ram, ram.Size())
		if err != nil {
			b.Fatal(err)
		}
		log, err := Decode(context.Background(), ram, ram.Size(), info)
		if err != nil {
			b.Fatal(err)
		}
		if err := WriteDmesg(io.Discard, log); err != nil {
			b.Fatal(err)
		}
		if err := ram.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// One look at a ring without news: what following costs.
func BenchmarkSinceNothingNew(b *testing.B) {
	m := newMachine(4)
	r := m.newRing(prbOpts{countBits: 12, dataBits: 17, grown: 21, at: 512})
	for range 2000 {
		r.printk(Record{State: Finalized, Text: []byte("text")})
	}
	info, err := ParseVMCoreInfo(m.vmcoreinfo())
	if err != nil {
		b.Fatal(err)
	}
	rd, err := Open(context.Background(), m.reader(), testMemory, info)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := rd.Since(context.Background(), 2000); err != nil {
			b.Fatal(err)
		}
	}
}
