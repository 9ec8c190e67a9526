// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kdumpMachine is a machine with a record of every kind, and what its log prints.
func kdumpMachine(t testing.TB) (m *machine, want []byte) {
	t.Helper()
	m = newMachine(4)
	r := m.newRing(prbOpts{countBits: 6, dataBits: 15, grown: pageShift})
	noise := rand.New(rand.NewSource(1))
	for i := range 100 {
		text := make([]byte, 1+noise.Intn(60))
		for j := range text {
			text[j] = byte('a' + noise.Intn(26))
		}
		r.printk(Record{TsNsec: uint64(i) * 1e6, State: Finalized, Text: text})
	}
	r.reserve(20)
	info, err := ParseVMCoreInfo(m.vmcoreinfo())
	if err != nil {
		t.Fatal(err)
	}
	log, err := Decode(t.Context(), m.reader(), testMemory, info)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteDmesg(&b, log); err != nil {
		t.Fatal(err)
	}
	return m, b.Bytes()
}

// loaded writes files and reads the log that they hold.
func loaded(t *testing.T, o LoadOptions, files ...[]byte) (*Log, error) {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for i, b := range files {
		path := filepath.Join(dir, fmt.Sprintf("part%d", i+1))
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	o.Parts = paths[1:]
	return Load(t.Context(), paths[0], o)
}

func TestKdumpForms(t *testing.T) {
	m, want := kdumpMachine(t)
	m.plant(imagePhys(utsName)+1000, m.vmcoreinfo()) // for headers that have none
	forms := map[string]kdumpForm{
		"diskdump":          {magic: diskMagic, version: 1, oneBitmap: true},
		"one bitmap":        {version: 6, oneBitmap: true},
		"64 KiB pages":      {version: 6, block: 64 << 10, pack: packZlib, flags: pageZlib},
		"no VMCOREINFO":     {version: 6, noInfo: true, pack: packZlib, flags: pageZlib},
		"all pages in full": {version: 6},
	}
	for v := range 7 {
		forms[fmt.Sprintf("version %d", v)] = kdumpForm{version: v, pack: packZlib, flags: pageZlib}
	}
	for name, p := range map[string]kdumpForm{
		"zlib": {pack: packZlib, flags: pageZlib}, "lzo": {pack: packLZO, flags: pageLZO},
		"snappy": {pack: packSnappy, flags: pageSnappy}, "zstd": {pack: packZstd, flags: pageZstd},
	} {
		p.version = 6
		forms[name] = p
		p.level = 31
		forms[name+" without zero pages"] = p
	}
	for name, f := range forms {
		t.Run(name, func(t *testing.T) {
			b := f.file(m.mem, m.vmcoreinfo())
			log, err := loaded(t, LoadOptions{}, b)
			if err != nil {
				t.Fatal(err)
			}
			samePrint(t, printed(t, log), want)
			if len(log.Notes) > 0 {
				t.Errorf("notes %q", log.Notes)
			}
			if log, err = loaded(t, LoadOptions{}, flatten(b, 1000)); err != nil {
				t.Fatal(err)
			}
			samePrint(t, printed(t, log), want)
		})
	}
}

// Every packing gives back what went in, at every length of zeros at the end.
func TestPackings(t *testing.T) {
	page, got := make([]byte, 4096), make([]byte, 4096)
	for n := 1; n < 4000; n += 37 {
		clear(page)
		rand.New(rand.NewSource(int64(n))).Read(page[:n])
		for flags, pack := range map[uint32]func([]byte) []byte{pageZlib: packZlib, pageLZO: packLZO, pageSnappy: packSnappy, pageZstd: packZstd} {
			r := pageReader{}
			if err := r.unpack(got, pack(page), flags); err != nil || !bytes.Equal(got, page) {
				t.Fatalf("flags %d, %d bytes: %v", flags, n, err)
			}
			if err := r.unpack(got, pack(page[:4000]), flags); err == nil {
				t.Fatalf("flags %d: 4000 bytes were taken for a page", flags)
			}
			if err := r.unpack(got, pack(append(page[:4096:4096], make([]byte, 80)...)), flags); err == nil {
				t.Fatalf("flags %d: more than a page was taken for one", flags)
			}
		}
	}
}

func TestSplitKdump(t *testing.T) {
	m, want := kdumpMachine(t)
	pages := testMemory / 4096
	var parts [][]byte
	for i := range 3 {
		f := kdumpForm{version: 6, pack: packZlib, flags: pageZlib, first: i * pages / 3, end: (i + 1) * pages / 3, level: 1}
		parts = append(parts, f.file(m.mem, m.vmcoreinfo()))
	}
	empty := kdumpForm{version: 6, first: pages, end: pages}.file(m.mem, m.vmcoreinfo())
	parts = append(parts, empty[:3*4096])
	log, err := loaded(t, LoadOptions{}, parts[2], parts[0], parts[3], parts[1])
	if err != nil {
		t.Fatal(err)
	}
	samePrint(t, printed(t, log), want)
	if len(log.Notes) > 0 {
		t.Errorf("notes %q", log.Notes)
	}
	_, err = loaded(t, LoadOptions{}, parts[0], parts[2])
	if err == nil || !strings.Contains(err.Error(), "the part with physical 0x200000 to 0x400000 was not given") {
		t.Errorf("without the part in the middle: %v", err)
	}
	whole := kdumpForm{version: 6}.file(m.mem, m.vmcoreinfo())
	if _, err = loaded(t, LoadOptions{}, parts[0], whole); err == nil || !strings.Contains(err.Error(), "are not parts of one split dump") {
		t.Errorf("a part and another dump: %v", err)
	}
	if _, err = loaded(t, LoadOptions{}, coreOf(t, m.open(t)), whole); err == nil || !strings.Contains(err.Error(), "only a split kdump-compressed dump and records of pstore are in several files") {
		t.Errorf("a core and a dump: %v", err)
	}
}

// A dump for which the disk had no room: the log if its pages were written, and otherwise what is missing.
func TestIncompleteKdump(t *testing.T) {
	m, want := kdumpMachine(t)
	for _, n := range []int{1, 300, testMemory/4096 - 1} {
		b := kdumpForm{version: 6, incomplete: n}.file(m.mem, m.vmcoreinfo())
		log, err := loaded(t, LoadOptions{}, b)
		if err != nil {
			if !strings.Contains(err.Error(), "part1 is incomplete: makedumpfile ran out of room") {
				t.Errorf("%d pages: %v", n, err)
			}
			continue
		}
		samePrint(t, printed(t, log), want)
		if len(log.Notes) != 1 || !strings.Contains(log.Notes[0], "everything that the log needs is in it") {
			t.Errorf("%d pages: notes %q", n, log.Notes)
		}
	}
}

// However much is missing: the whole log or an error, never a shorter log.
func TestTruncatedKdump(t *testing.T) {
	m, want := kdumpMachine(t)
	b := kdumpForm{version: 6, pack: packZlib, flags: pageZlib, level: 1}.file(m.mem, m.vmcoreinfo())
	files := map[string][]byte{"kdump": b, "flattened": flatten(b, 700)}
	for name, b := range files {
		failed := 0
		for n := 0; n < len(b); n += len(b)/97 + 1 {
			log, err := loaded(t, LoadOptions{}, b[:n])
			if err != nil {
				failed++
				continue
			}
			samePrint(t, printed(t, log), want)
		}
		if failed < 60 {
			t.Errorf("%s: only %d cuts did harm", name, failed)
		}
	}
}

// A page that was left out for another reason than that it is zero is not taken for zero.
func TestExcludedPage(t *testing.T) {
	m, _ := kdumpMachine(t)
	f := kdumpForm{version: 6, level: 1}
	b := f.file(m.mem, m.vmcoreinfo())
	binary.LittleEndian.PutUint32(b[4096+ksLevel:], 30)
	_, err := loaded(t, LoadOptions{}, b)
	if err == nil || !strings.Contains(err.Error(), "it was left out of the dump (dump level 30)") {
		t.Errorf("error %v", err)
	}
}

func TestHostileKdump(t *testing.T) {
	m, _ := kdumpMachine(t)
	good := kdumpForm{version: 6, pack: packZlib, flags: pageZlib}.file(m.mem, m.vmcoreinfo())
	le := binary.LittleEndian
	change := func(do func(b []byte)) []byte {
		b := bytes.Clone(good)
		do(b)
		return b
	}
	descs := (1 + int(le.Uint32(good[kdSub:])) + int(le.Uint32(good[kdBitmap:]))) * 4096
	all := func(b []byte, do func(d []byte)) {
		for i := range testMemory / 4096 {
			do(b[descs+i*descBytes:])
		}
	}
	for _, c := range []struct {
		name, want string
		in         []byte
	}{
		{"nothing but the magic", "there is nothing in its header", append([]byte(kdMagic), make([]byte, 8192)...)},
		{"short", "inside the header", good[:100]},
		{"big endian", "big-endian", change(func(b []byte) { binary.BigEndian.PutUint32(b[kdVersion:], 6) })},
		{"32-bit", "32-bit", change(func(b []byte) { le.PutUint32(b[kdBlock32:], 4096); le.PutUint32(b[kdBlock:], 7) })},
		{"version", "version 99", change(func(b []byte) { le.PutUint32(b[kdVersion:], 99) })},
		{"block", "pages of 5000 bytes", change(func(b []byte) { le.PutUint32(b[kdBlock:], 5000) })},
		{"sub header beyond the file", "truncated", change(func(b []byte) { le.PutUint32(b[kdSub:], 1<<31) })},
		{"bitmaps beyond the file", "truncated", change(func(b []byte) { le.PutUint32(b[kdBitmap:], 1<<31) })},
		{"pages beyond the bitmaps", "do not fit bitmaps", change(func(b []byte) { le.PutUint64(b[4096+ksMaxMapnr64:], 1<<35) })},
		{"pages beyond anything", "do not fit bitmaps", change(func(b []byte) { le.PutUint64(b[4096+ksMaxMapnr64:], ^uint64(0)) })},
		{"part that ends before it begins", "a part with pages", change(func(b []byte) { b[4096+ksSplit] = 1; b[4096+ksStart64] = 9 })},
		{"pages of 2 GiB", "descriptor tells of 2147483648 bytes", change(func(b []byte) { all(b, func(d []byte) { le.PutUint32(d[8:], 1<<31) }) })},
		{"no packing", "name no way to pack", change(func(b []byte) { all(b, func(d []byte) { le.PutUint32(d[12:], 0x3) }) })},
		{"other packing", "unpack the page", change(func(b []byte) { all(b, func(d []byte) { le.PutUint32(d[12:], pageZstd) }) })},
		{"data at the end of numbers", "are not in the file", change(func(b []byte) { all(b, func(d []byte) { le.PutUint64(d, ^uint64(0)) }) })},
	} {
		if _, err := loaded(t, LoadOptions{}, c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	odd := change(func(b []byte) { le.PutUint64(b[4096+ksInfoSize:], 1<<40) })
	if _, err := loaded(t, LoadOptions{}, odd); err == nil || !strings.Contains(err.Error(), "no VMCOREINFO in memory") {
		t.Errorf("VMCOREINFO of 1 TiB: %v", err)
	}
}

// QEMU writes arm64 with pages of 64 KiB, whatever the guest's are: a real guest, with memory from 1 GiB on.
func TestKdumpOfARM64(t *testing.T) {
	dir := unpacked(t, "arm64-qemu")
	c, err := OpenCore(filepath.Join(dir, "vmcore.elf"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	const block = 64 << 10
	f := kdumpForm{version: 6, machine: "aarch64", block: block, pack: packZlib, flags: pageZlib}
	file := f.of(int(c.Size()+block-1)/block, c.note, func(i int, page []byte) bool {
		some := false
		for at := 0; at < block; at += pageSize {
			if _, err := c.ReadAt(page[at:at+pageSize], int64(i*block+at)); err == nil {
				some = true
			}
		}
		return some
	})
	if c.note == nil {
		t.Fatal("the core has no note")
	}
	log, err := loaded(t, LoadOptions{}, file)
	if err != nil {
		t.Fatal(err)
	}
	printsAs(t, log, dir)
	if log.Witness.Kind != "kdump-compressed" {
		t.Errorf("taken for %s", log.Witness.Kind)
	}
}
