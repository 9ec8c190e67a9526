// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// phdr is a program header of elfOf.
type phdr struct {
	virt, phys, filesz, memsz uint64
	off                       uint64 // in data
}

// elfOf writes an ELF core. The number of headers is in section 0 if e_phnum has no room for it.
func elfOf(machine uint16, heads []phdr, data, info []byte) []byte {
	le := binary.LittleEndian
	num := len(heads)
	var note []byte
	if info != nil {
		num++
		note = appendNote(nil, vmcoreinfoNote, 0, info)
	}
	b := make([]byte, ehdrSize, ehdrSize+phdrSize*num+shdrSize+len(note)+len(data))
	copy(b, "\x7fELF\x02\x01\x01")
	le.PutUint16(b[16:], typeCore)
	le.PutUint16(b[18:], machine)
	le.PutUint16(b[54:], phdrSize)
	at := uint64(ehdrSize)
	if num < pnXNum {
		le.PutUint16(b[56:], uint16(num))
	} else {
		le.PutUint16(b[56:], pnXNum)
		le.PutUint64(b[40:], at)
		b = append(b, make([]byte, shdrSize)...)
		le.PutUint32(b[ehdrSize+44:], uint32(num))
		at += shdrSize
	}
	le.PutUint64(b[32:], at)
	at += uint64(phdrSize * num)
	head := func(kind uint32, p phdr) {
		b = le.AppendUint32(b, kind)
		b = le.AppendUint32(b, 7)
		for _, n := range [...]uint64{p.off, p.virt, p.phys, p.filesz, p.memsz, 0} {
			b = le.AppendUint64(b, n)
		}
	}
	if info != nil {
		head(ptNote, phdr{off: at, filesz: uint64(len(note)), memsz: uint64(len(note))})
		at += uint64(len(note))
	}
	for _, p := range heads {
		p.off += at
		head(ptLoad, p)
	}
	return append(append(b, note...), data...)
}

// What a segment has not in the file is zero (p_filesz less than p_memsz): here every page of zero of the machine.
func TestZeroSegments(t *testing.T) {
	m, want := kdumpMachine(t)
	var heads []phdr
	var data []byte
	zeros := 0
	for at := 0; at < testMemory; at += pageSize {
		p := m.mem[at : at+pageSize]
		if isZero(p) && len(heads) > 0 {
			heads[len(heads)-1].memsz += pageSize
			zeros++
			continue
		}
		heads = append(heads, phdr{phys: uint64(at), filesz: pageSize, memsz: pageSize, off: uint64(len(data))})
		data = append(data, p...)
	}
	log, err := loaded(t, LoadOptions{}, elfOf(machineX86, heads, data, m.vmcoreinfo()))
	if err != nil {
		t.Fatal(err)
	}
	samePrint(t, printed(t, log), want)
	if zeros < 100 {
		t.Errorf("only %d pages were left out", zeros)
	}
	// Where one segment has the bytes and another claims zeros, the bytes count.
	heads = append([]phdr{{phys: 0, memsz: testMemory}}, heads...)
	heads = append(heads, phdr{phys: 0, memsz: testMemory})
	if log, err = loaded(t, LoadOptions{}, elfOf(machineX86, heads, data, m.vmcoreinfo())); err != nil {
		t.Fatal(err)
	}
	samePrint(t, printed(t, log), want)
}

// A paging dump has a header for each mapping: more than 65,536, and many for the same bytes.
func TestPagingDump(t *testing.T) {
	m, want := kdumpMachine(t)
	m.plant(testMemory-pageSize, m.vmcoreinfo())
	var heads []phdr
	for i := range 70_000 {
		at := uint64(i) * pageSize % testMemory
		heads = append(heads, phdr{virt: 0xffffc90000000000 + uint64(i)*pageSize, phys: at, filesz: pageSize, memsz: pageSize, off: at})
	}
	b := elfOf(machineX86, heads, m.mem, nil)
	log, err := loaded(t, LoadOptions{}, b)
	if err != nil {
		t.Fatal(err)
	}
	samePrint(t, printed(t, log), want)
	// The bytes of an ELF header bound what it may claim.
	binary.LittleEndian.PutUint32(b[ehdrSize+44:], maxSegments)
	if _, err := loaded(t, LoadOptions{}, b); err == nil || !strings.Contains(err.Error(), "inside the program headers") {
		t.Errorf("2^19 headers: %v", err)
	}
	binary.LittleEndian.PutUint32(b[ehdrSize+44:], 1<<31)
	if _, err := loaded(t, LoadOptions{}, b); err == nil || !strings.Contains(err.Error(), "are plausible") {
		t.Errorf("2^31 headers: %v", err)
	}
}

// Segments that lie over each other or touch are searched whole, and each byte of the file once.
func TestSearchOfSegments(t *testing.T) {
	m, _ := kdumpMachine(t)
	text := m.vmcoreinfo()
	for name, at := range map[string]int{"across two that touch": 3*pageSize - 7, "after one that lies in another": 6 * pageSize, "in the first": 10} {
		mem := make([]byte, testMemory)
		copy(mem[at:], text)
		b := elfOf(machineX86, []phdr{
			{phys: 0, filesz: 3 * pageSize, memsz: 3 * pageSize},
			{phys: 3 * pageSize, filesz: testMemory - 3*pageSize, memsz: testMemory - 3*pageSize, off: 3 * pageSize},
			{phys: 4 * pageSize, filesz: pageSize, memsz: pageSize, off: 4 * pageSize},
		}, mem, nil)
		c, err := NewCore(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		all, err := FindCandidates(t.Context(), c, c.Size())
		if err != nil || len(all) != 1 || all[0].Offset != int64(at) {
			t.Errorf("%s: %v, %v", name, all, err)
		}
	}
}

// A sparse file of 1 TiB: its holes are not read.
func TestSparseCore(t *testing.T) {
	m, want := kdumpMachine(t)
	const claimed = 1 << 40
	head := elfOf(machineX86, []phdr{{filesz: claimed, memsz: claimed}}, nil, nil)
	path := filepath.Join(t.TempDir(), "core")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for off, b := range map[int64][]byte{0: append(head, m.mem...), 1 << 39: append(m.vmcoreinfo(), 0)} {
		if _, err := f.WriteAt(b, off); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(claimed + int64(len(head))); err != nil {
		t.Skipf("no sparse file of 1 TiB here: %v", err)
	}
	if _, end, ok := data(f, claimed, 1<<38); !ok || end > 1<<39+1<<20 {
		t.Skip("the file system of the test does not tell holes")
	}
	log, err := Load(t.Context(), path, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	samePrint(t, printed(t, log), want)
}

func TestLiME(t *testing.T) {
	m, want := kdumpMachine(t)
	m.plant(testMemory-pageSize, m.vmcoreinfo())
	le := binary.LittleEndian
	lime := func(ranges ...uint64) (b []byte) {
		for i := 0; i < len(ranges); i += 2 {
			b = append(b, limeMagic...)
			b = le.AppendUint32(b, 1)
			b = le.AppendUint64(b, ranges[i])
			b = le.AppendUint64(b, ranges[i+1]-1)
			b = append(b, make([]byte, 8)...)
			b = append(b, m.mem[ranges[i]:min(ranges[i+1], testMemory)]...)
		}
		return b
	}
	good := lime(4096, 1<<20, 1<<20, testMemory)
	log, err := loaded(t, LoadOptions{}, good)
	if err != nil {
		t.Fatal(err)
	}
	samePrint(t, printed(t, log), want)
	if log.Witness.Kind != "LiME" {
		t.Errorf("taken for %s", log.Witness.Kind)
	}
	bad := func(at int, v ...byte) []byte { b := bytes.Clone(good); copy(b[at:], v); return b }
	for _, c := range []struct {
		name, want string
		in         []byte
	}{
		{"cut", "truncated", good[:len(good)-5000]},
		{"other version", "no header of version 1", bad(4, 9)},
		{"other magic", "no header of version 1", bad(limeHeader+1<<20-4096, 'x')},
		{"backwards", "tells of physical", bad(16, 0, 0, 0, 0, 0, 0, 0, 0)},
		{"beyond anything", "tells of physical", bad(23, 0xff)},
	} {
		if _, err := loaded(t, LoadOptions{}, c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// A note that is cut, empty or of another machine is passed over if memory has the right one, and named if it has not.
func TestWrongNote(t *testing.T) {
	m, want := kdumpMachine(t)
	whole := []phdr{{filesz: testMemory, memsz: testMemory}}
	wrong := bytes.ReplaceAll(m.vmcoreinfo(), []byte("SYMBOL(prb)=ffffffff81001000"), []byte("SYMBOL(prb)=ffffffff81fff000"))
	_, err := loaded(t, LoadOptions{}, elfOf(machineX86, whole, m.mem, wrong))
	if err == nil || !strings.Contains(err.Error(), "the VMCOREINFO note leads nowhere") || errors.Is(err, ErrNoVMCoreInfo) {
		t.Errorf("a wrong note alone: %v", err)
	}
	m.plant(testMemory-pageSize, m.vmcoreinfo())
	for _, note := range [][]byte{wrong, []byte("OSRELEASE=\n"), {0}} {
		log, err := loaded(t, LoadOptions{}, elfOf(machineX86, whole, m.mem, note))
		if err != nil {
			t.Fatal(err)
		}
		samePrint(t, printed(t, log), want)
		if len(log.Notes) != 1 || !strings.Contains(log.Notes[0], "the copy in memory at 0x5ff000 was used") {
			t.Errorf("notes %q", log.Notes)
		}
	}
}

// The work on headers that claim much is bounded by what the file has: no deadline of the test is met.
func TestManyClaims(t *testing.T) {
	var heads []phdr
	for i := range 65_000 {
		heads = append(heads, phdr{virt: 1 << 47, phys: uint64(i), filesz: 1 << 20, memsz: 1 << 50})
	}
	b := elfOf(machineX86, heads, make([]byte, 1<<20), nil)
	done := make(chan error, 1)
	go func() {
		_, err := loaded(t, LoadOptions{}, b)
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, ErrNoVMCoreInfo) {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("not done after a minute")
	}
}
