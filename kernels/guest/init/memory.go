// SPDX-License-Identifier: Apache-2.0

package main

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"

	"lastpage/kernels/plan"
)

// low is memory that no kernel shares: what is below belongs to the firmware (Documentation/arch/x86/boot.rst).
const low = 1 << 20

// place is where the kernel lies: its RAM and its image, from code to bss, as /proc/iomem has them (kernel/resource.c), and its VMCOREINFO
// (kernel/ksysfs.c, vmcoreinfo_show).
func place(iomem, vmcoreinfo string) (*plan.Place, error) {
	p := new(plan.Place)
	for l := range strings.Lines(iomem) {
		where, what, _ := strings.Cut(strings.TrimSpace(l), " : ")
		image := strings.HasPrefix(what, "Kernel ") // code, rodata, data, bss
		if !image && what != "System RAM" {
			continue
		}
		a, b, _ := strings.Cut(where, "-")
		first, err1 := strconv.ParseUint(a, 16, 64)
		last, err2 := strconv.ParseUint(b, 16, 64)
		if err1 != nil || err2 != nil || last < first {
			return nil, fmt.Errorf("/proc/iomem: %q", l)
		}
		switch {
		case !image && last >= low:
			p.RAM = append(p.RAM, plan.Span{At: first, Size: last + 1 - first})
		case image && p.Kernel.Size == 0:
			p.Kernel = plan.Span{At: first, Size: last + 1 - first}
		case image:
			end := max(p.Kernel.End(), last+1)
			p.Kernel.At = min(p.Kernel.At, first)
			p.Kernel.Size = end - p.Kernel.At
		}
	}
	if p.Kernel.End() <= low || len(p.RAM) == 0 {
		return nil, errors.New("/proc/iomem does not tell where the kernel lies")
	}
	at, size, _ := strings.Cut(strings.TrimSpace(vmcoreinfo), " ")
	var err1, err2 error
	p.VMCoreInfo.At, err1 = strconv.ParseUint(strings.TrimPrefix(at, "0x"), 16, 64)
	p.VMCoreInfo.Size, err2 = strconv.ParseUint(size, 16, 64)
	if err1 != nil || err2 != nil {
		return nil, fmt.Errorf("/sys/kernel/vmcoreinfo: %q", vmcoreinfo)
	}
	return p, nil
}

// kept is memory as an ELF core (elf(5)): headers for VMCOREINFO and each span, then the spans' bytes.
type kept struct {
	head  []byte
	spans []plan.Span
	from  core
}

// newKept makes a core of spans; the note lies in one of them.
func newKept(note plan.Span, spans []plan.Span, from core) (*kept, error) {
	const header, program = 64, 56
	k := &kept{spans: spans, from: from}
	h := elf.Header64{Type: uint16(elf.ET_CORE), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT), Phoff: header, Ehsize: header,
		Phentsize: program, Phnum: uint16(1 + len(spans))}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	all := []elf.Prog64{{Type: uint32(elf.PT_NOTE), Paddr: note.At, Filesz: note.Size, Memsz: note.Size}}
	at := uint64(header + program*(1+len(spans)))
	for _, s := range spans {
		if s.At <= note.At && note.End() <= s.End() {
			all[0].Off = at + note.At - s.At
		}
		all = append(all, elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R), Off: at, Paddr: s.At, Filesz: s.Size, Memsz: s.Size})
		at += s.Size
	}
	if all[0].Off == 0 {
		return nil, fmt.Errorf("VMCOREINFO at %#x is in none of the spans %+v", note.At, spans)
	}
	var err error
	if k.head, err = binary.Append(nil, binary.LittleEndian, &h); err == nil {
		k.head, err = binary.Append(k.head, binary.LittleEndian, all)
	}
	return k, err
}

// Size is that of the core, bytes.
func (k *kept) Size() int64 {
	n := int64(len(k.head))
	for _, s := range k.spans {
		n += int64(s.Size)
	}
	return n
}

// ReadAt implements io.ReaderAt. It may give less than was asked for, at the end of a span.
func (k *kept) ReadAt(p []byte, off int64) (int, error) {
	if off < int64(len(k.head)) {
		return copy(p, k.head[off:]), nil
	}
	off -= int64(len(k.head))
	for _, s := range k.spans {
		if off < int64(s.Size) {
			return k.from.ReadAt(p[:min(int64(len(p)), int64(s.Size)-off)], int64(s.At)+off)
		}
		off -= int64(s.Size)
	}
	return 0, io.EOF
}

// memory is /dev/mem. It is mapped: read(2) refuses what lies above the memory that this kernel uses (arch/x86/mm/mmap.c,
// valid_phys_addr_range).
type memory struct{ fd int }

// ReadAt implements io.ReaderAt.
func (m memory) ReadAt(p []byte, off int64) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	from := off &^ (pageSize - 1)
	mapped, err := syscall.Mmap(m.fd, from, int(off-from)+len(p), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return 0, fmt.Errorf("map physical %#x: %w", off, err)
	}
	n := copy(p, mapped[off-from:])
	return n, syscall.Munmap(mapped)
}
