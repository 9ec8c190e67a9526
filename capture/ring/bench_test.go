// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
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

// A kdump-compressed dump of 110 MB, made by makedumpfile, as dmesg reads it, and as makedumpfile --dump-dmesg does: x/theirs is the ratio.
func BenchmarkKdump110MB(b *testing.B) {
	tool, err := exec.LookPath("makedumpfile")
	if err != nil {
		b.Skip("makedumpfile is not installed: there is nobody to compare with")
	}
	path, _ := realCore(b)
	c, err := OpenCore(path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	var heads []phdr
	var data []byte
	for _, s := range c.segs {
		h := phdr{virt: s.virt, phys: s.phys, memsz: s.size, off: uint64(len(data))}
		if !s.zero {
			h.filesz = s.size
			part := make([]byte, s.size)
			if _, err := readFull(c, part, s.phys); err != nil {
				b.Fatal(err)
			}
			data = append(data, part...)
		}
		heads = append(heads, h)
	}
	noise := make([]byte, 110<<20)
	rand.New(rand.NewSource(1)).Read(noise)
	direct, last := uint64(0), uint64(1<<20)
	for _, s := range c.segs { // by physical address; the noise goes into the gaps
		if s.virt != 0 && s.virt < startKernelMap {
			direct = s.virt - s.phys
		}
	}
	left := noise
	for _, s := range c.segs {
		if n := min(s.phys-min(s.phys, last), uint64(len(left))); n > 0 && s.phys > last {
			heads = append(heads, phdr{virt: direct + last, phys: last, filesz: n, memsz: n, off: uint64(len(data))})
			data, left = append(data, left[:n]...), left[n:]
		}
		last = max(last, s.phys+s.size)
	}
	dir := b.TempDir()
	big, dump := filepath.Join(dir, "big"), filepath.Join(dir, "dump")
	if err := os.WriteFile(big, elfOf(machineX86, heads, data, c.note), 0o600); err != nil {
		b.Fatal(err)
	}
	if out, err := exec.Command(tool, "-c", "-d", "1", big, dump).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	if st, err := os.Stat(dump); err != nil || st.Size() < 100<<20 {
		b.Fatalf("%v, %d bytes", err, st.Size())
	}
	var theirs time.Duration
	rounds := 0
	for b.Loop() {
		b.StopTimer()
		start := time.Now()
		if out, err := exec.Command(tool, "--dump-dmesg", dump, filepath.Join(dir, fmt.Sprint(rounds))).CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		theirs += time.Since(start)
		rounds++
		b.StartTimer()
		log, err := Load(b.Context(), dump, LoadOptions{NoConsoles: true})
		if err != nil {
			b.Fatal(err)
		}
		if err := WriteDmesg(io.Discard, log); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(theirs), "x/theirs")
}
