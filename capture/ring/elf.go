// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Bounds on what an ELF header may claim.
const (
	maxSegments = 1 << 19
	maxPhys     = 1 << 56  // physical addresses: 52 bits on x86_64 and arm64, 56 on riscv64
	maxNotes    = 16 << 20 // bytes: a PRSTATUS note for each of some ten thousand CPUs
)

const (
	ehdrSize, phdrSize, shdrSize = 64, 56, 64
	machineX86                   = 62  // EM_X86_64
	machineARM64                 = 183 // EM_AARCH64
	machineRISCV                 = 243 // EM_RISCV
	typeCore                     = 4   // ET_CORE
	ptLoad, ptNote               = 1, 4
	pnXNum                       = 0xffff // e_phnum when the real number is in section 0
	vmcoreinfoNote               = "VMCOREINFO"
)

// foreign recognises what is not an ELF64 core of a machine that is supported and says how to get one.
func foreign(h []byte) error {
	if err := refused(h); err != nil {
		return err
	}
	switch {
	case len(h) == 0:
		return errors.New("the file is empty")
	case !bytes.HasPrefix(h, []byte(elfMagic)):
		return fmt.Errorf("not an ELF file (it begins %q): wanted is an ELF64 vmcore, or a RAM file given as such", h[:min(len(h), 8)])
	case len(h) < 20:
		return fmt.Errorf("the file ends at byte %d, inside the ELF header: copy it again", len(h))
	case h[4] != 2:
		return errors.New("an ELF32 file: only 64-bit machines are supported")
	case h[5] != 1:
		return errors.New("a big-endian ELF file: only little-endian machines are supported")
	}
	if t := binary.LittleEndian.Uint16(h[16:]); t != typeCore {
		return fmt.Errorf("an ELF file of type %d, not a core (4): a vmlinux or program, not a dump", t)
	}
	if m := binary.LittleEndian.Uint16(h[18:]); m != machineX86 && m != machineARM64 && m != machineRISCV {
		return fmt.Errorf("an ELF core of machine %d: only x86_64 (62), arm64 (183) and riscv64 (243) are supported", m)
	}
	return nil
}

// phnum is the number of program headers.
func (c *Core) phnum(h []byte) (uint64, error) {
	if size := binary.LittleEndian.Uint16(h[54:]); size != phdrSize {
		return 0, fmt.Errorf("ELF header: e_phentsize is %d, not %d", size, phdrSize)
	}
	num := uint64(binary.LittleEndian.Uint16(h[56:]))
	if num == pnXNum {
		var s [shdrSize]byte
		at := binary.LittleEndian.Uint64(h[40:])
		if _, err := readFull(c.r, s[:], at); err != nil || at < ehdrSize {
			return 0, fmt.Errorf("ELF header: e_shoff 0x%x: section 0, which has the number of segments, is not in the file", at)
		}
		num = uint64(binary.LittleEndian.Uint32(s[44:])) // sh_info
	}
	if num == 0 || num > maxSegments {
		return 0, fmt.Errorf("ELF header: %d segments, 1 to %d are plausible", num, maxSegments)
	}
	return num, nil
}

func (c *Core) programs(at, num uint64) error {
	size := uint64(c.file)
	if at > size || num*phdrSize > size-at {
		return fmt.Errorf("the file ends at byte %d, inside the program headers (%d at 0x%x): truncated, copy it again", size, num, at)
	}
	const some = 4096
	b := make([]byte, min(num, some)*phdrSize)
	for i := range num {
		if i%some == 0 {
			b = b[:min(num-i, some)*phdrSize]
			if _, err := readFull(c.r, b, at+i*phdrSize); err != nil {
				return fmt.Errorf("read program headers: %w", err)
			}
		}
		if err := c.program(b[i%some*phdrSize:]); err != nil {
			return fmt.Errorf("program header %d: %w", i, err)
		}
	}
	if len(c.segs) == 0 {
		if c.cut != "" {
			return errors.New(c.cut)
		}
		return errors.New("no PT_LOAD segment: there is no memory in this core")
	}
	c.arrange()
	return nil
}

// program takes in one program header. What is in memory and not in the file (p_filesz less than p_memsz) is zero.
func (c *Core) program(p []byte) error {
	size := uint64(c.file)
	u64 := func(off int) uint64 { return binary.LittleEndian.Uint64(p[off:]) }
	s, mem := segment{off: u64(8), virt: u64(16), phys: u64(24), size: u64(32)}, u64(40)
	kind := binary.LittleEndian.Uint32(p)
	if kind != ptLoad && (kind != ptNote || s.size == 0) {
		return nil
	}
	if kind == ptLoad && s.phys == ^uint64(0) {
		return nil // the writer did not know where it is (/proc/kcore)
	}
	if s.off+s.size < s.off || s.size > maxPhys || s.phys > maxPhys-s.size || kind == ptLoad && (mem > maxPhys || s.phys > maxPhys-mem) {
		return fmt.Errorf("offset 0x%x or p_paddr 0x%x with size 0x%x or 0x%x overflows", s.off, s.phys, s.size, mem)
	}
	if kind == ptLoad && mem > s.size {
		zero := segment{phys: s.phys + s.size, size: mem - s.size, zero: true}
		if s.virt != 0 {
			zero.virt = s.virt + s.size
		}
		c.segs = append(c.segs, zero)
	}
	if s.size > 0 && (s.off >= size || s.size > size-s.off) {
		if c.cut == "" {
			c.cut = fmt.Sprintf("the file is truncated: a program header wants bytes up to %d, the file ends at %d: copy it again", s.off+s.size, size)
		}
		if s.size = 0; s.off < size {
			s.size = size - s.off
		}
	}
	switch {
	case kind == ptNote:
		return c.notes(s.off, s.size)
	case s.size > 0:
		c.segs = append(c.segs, s)
	}
	return nil
}

// notes looks for VMCOREINFO.
func (c *Core) notes(at, size uint64) error {
	if size > maxNotes {
		return fmt.Errorf("%d bytes of notes, at most %d are plausible", size, maxNotes)
	}
	b := make([]byte, size)
	if _, err := readFull(c.r, b, at); err != nil {
		return fmt.Errorf("read notes: %w", err)
	}
	for len(b) >= 12 {
		namesz := uint64(binary.LittleEndian.Uint32(b))
		descsz := uint64(binary.LittleEndian.Uint32(b[4:]))
		name := b[12:]
		end := (namesz+3)&^3 + (descsz+3)&^3
		if end > uint64(len(name)) {
			return nil // the last note of a truncated file; what matters may be in memory still
		}
		desc := name[(namesz+3)&^3:][:descsz]
		if string(bytes.TrimRight(name[:namesz], "\x00")) == vmcoreinfoNote && c.note == nil {
			c.note = desc
		}
		b = name[end:]
	}
	return nil
}
