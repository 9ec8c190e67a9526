package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// space is kernel virtual memory on x86_64, read through physical memory. Three ways lead from virtual to physical, tried in
// this order: the kernel image (__START_KERNEL_map and NUMBER(phys_base)), the page tables from SYMBOL(init_top_pgt), and what
// a core file says in p_vaddr.
type space struct {
	mem  io.ReaderAt
	size int64 // of physical memory, bytes: no object in it can be larger

	physBase uint64
	root     uint64 // physical address of the top page table
	levels   int    // 4 or 5; 0: no page tables known
	addrMask uint64 // bits of an entry that are an address (without AMD's encryption bit)

	tables map[uint64]bool // page tables that were used, by physical address, if somebody collects them
}

const (
	startKernelMap  = 0xffffffff80000000 // __START_KERNEL_map, arch/x86/include/asm/page_64_types.h
	kernelImageSize = 1 << 30            // KERNEL_IMAGE_SIZE with KASLR; 512 MiB without
	pageShift       = 12
	pageSize        = 1 << pageShift
	pagePresent     = 1 << 0
	pageLarge       = 1 << 7 // PS: 1 GiB at level 3, 2 MiB at level 2
	ptePhys         = 0x000ffffffffff000
)

func newSpace(mem io.ReaderAt, size int64, info *VMCoreInfo) (*space, error) {
	if _, arm := info.Number("NUMBER(kimage_voffset)"); arm {
		return nil, fmt.Errorf("VMCOREINFO of %q: an arm64 kernel: only x86_64 is supported", info.Release)
	}
	base, ok := info.Number("NUMBER(phys_base)")
	if !ok {
		return nil, fmt.Errorf("VMCOREINFO of %q: no NUMBER(phys_base): only x86_64 kernels are supported", info.Release)
	}
	s := &space{mem: mem, size: size, physBase: base, addrMask: ptePhys}
	if me, ok := info.Number("NUMBER(sme_mask)"); ok {
		s.addrMask &^= me
	}
	top, ok := info.Symbol("init_top_pgt")
	if !ok {
		top, ok = info.Symbol("init_level4_pgt")
	}
	if ok {
		if s.root, _, ok = s.image(top); ok {
			s.levels = 4
			if l5, _ := info.Number("NUMBER(pgtable_l5_enabled)"); l5 == 1 {
				s.levels = 5
			}
		}
	}
	return s, nil
}

// image translates an address in the kernel's own mapping, which is physically contiguous. left is 0 for other addresses; ok says
// that the place is in memory.
func (s *space) image(v uint64) (phys, left uint64, ok bool) {
	if v < startKernelMap || v >= startKernelMap+kernelImageSize {
		return 0, 0, false
	}
	phys = v - startKernelMap + s.physBase
	return phys, startKernelMap + kernelImageSize - v, phys < uint64(s.size)
}

// mapped is memory that knows virtual addresses by itself (a core's p_vaddr).
type mapped interface {
	virtual(v uint64) (phys, left uint64, ok bool)
}

// phys translates a kernel virtual address; left is how many bytes from there on are contiguous.
func (s *space) phys(v uint64) (phys, left uint64, err error) {
	phys, left, ok := s.image(v)
	switch {
	case ok:
		return phys, left, nil
	case left > 0:
		err = fmt.Errorf("the kernel's image has it at physical 0x%x, the memory ends at 0x%x", phys, s.size)
	case s.levels > 0:
		if phys, left, err = s.walk(v); err == nil {
			return phys, left, nil
		}
	default:
		err = errors.New("VMCOREINFO has no SYMBOL(init_top_pgt) to walk from")
	}
	if m, ok := s.mem.(mapped); ok {
		if phys, left, ok := m.virtual(v); ok {
			return phys, left, nil
		}
	}
	return 0, 0, fmt.Errorf("translate kernel address 0x%x: %w", v, err)
}

// walk goes through the page tables: at most five reads.
func (s *space) walk(v uint64) (phys, left uint64, err error) {
	top := uint(pageShift + 9*s.levels) // 48 or 57 bits of address
	if sign := int64(v) >> (top - 1); sign != 0 && sign != -1 {
		return 0, 0, fmt.Errorf("not canonical with %d-level page tables", s.levels)
	}
	table := s.root
	for level := s.levels; ; level-- {
		shift := uint(pageShift + 9*(level-1))
		if s.tables != nil {
			s.tables[table] = true
		}
		at := table + v>>shift&511*8
		var b [8]byte
		if _, err := readFull(s.mem, b[:], at); err != nil {
			return 0, 0, fmt.Errorf("page table level %d: %w", level, err)
		}
		entry := binary.LittleEndian.Uint64(b[:])
		if entry&pagePresent == 0 {
			return 0, 0, &absentError{level: level, at: at, entry: entry}
		}
		phys = entry & s.addrMask
		if level == 1 || entry&pageLarge != 0 && level <= 3 {
			in := uint64(1)<<shift - 1
			return phys&^in | v&in, in + 1 - v&in, nil
		}
		table = phys
	}
}

// absentError: a page table has no entry for the address.
type absentError struct {
	level     int
	at, entry uint64
}

func (e *absentError) Error() string {
	return fmt.Sprintf("page table level %d: the entry at physical 0x%x (0x%x) is not present", e.level, e.at, e.entry)
}

// readFull reads all of b at a physical address.
func readFull(mem io.ReaderAt, b []byte, phys uint64) (int, error) {
	if phys > 1<<62 {
		return 0, fmt.Errorf("physical address 0x%x is beyond any memory", phys)
	}
	n, err := mem.ReadAt(b, int64(phys))
	if n == len(b) {
		return n, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = fmt.Errorf("physical 0x%x+%d is outside the memory that was given", phys, len(b))
	}
	return n, err
}

// read fills b from a kernel virtual address.
func (s *space) read(b []byte, v uint64) error {
	for len(b) > 0 {
		phys, left, err := s.phys(v)
		if err != nil {
			return err
		}
		n := min(uint64(len(b)), left)
		if _, err := readFull(s.mem, b[:n], phys); err != nil {
			return fmt.Errorf("read kernel address 0x%x: %w", v, err)
		}
		b, v = b[n:], v+n
	}
	return nil
}

func (s *space) u64(v uint64) (uint64, error) {
	var b [8]byte
	err := s.read(b[:], v)
	return binary.LittleEndian.Uint64(b[:]), err
}
