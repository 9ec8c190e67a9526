// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// x86 is the walk of x86_64. The image lies at __START_KERNEL_map and NUMBER(phys_base); the page tables begin at SYMBOL(init_top_pgt).
type x86 struct {
	mem      io.ReaderAt
	size     int64 // of physical memory, bytes
	physBase uint64
	root     uint64 // physical address of the top page table
	levels   int    // 4 or 5; 0: no page tables known
	addrMask uint64 // bits of an entry that are an address (without AMD's encryption bit)
}

const (
	startKernelMap  = 0xffffffff80000000 // __START_KERNEL_map, arch/x86/include/asm/page_64_types.h
	kernelImageSize = 1 << 30            // KERNEL_IMAGE_SIZE with KASLR; 512 MiB without
	pagePresent     = 1 << 0
	pageLarge       = 1 << 7 // PS: 1 GiB at level 3, 2 MiB at level 2
	ptePhys         = 0x000ffffffffff000
)

// physBase is NUMBER(phys_base). Before 4.10 VMCOREINFO had the symbol only: the value is the one that is found in memory where it
// itself says that the image is.
func physBase(mem io.ReaderAt, info *VMCoreInfo) (base uint64, ok bool) {
	if base, ok = info.Number("NUMBER(phys_base)"); ok {
		return base, true
	}
	at, ok := info.Symbol("phys_base")
	if !ok || at < startKernelMap {
		return 0, false
	}
	tries := []uint64{0}
	if m, ok := mem.(mapped); ok {
		if phys, _, ok := m.virtual(at); ok {
			tries = append(tries, phys-(at-startKernelMap))
		}
	}
	for _, try := range tries {
		var b [8]byte
		if _, err := readFull(mem, b[:], at-startKernelMap+try); err == nil && binary.LittleEndian.Uint64(b[:]) == try {
			return try, true
		}
	}
	return 0, false
}

func newX86(mem io.ReaderAt, size int64, physBase uint64, info *VMCoreInfo) *x86 {
	s := &x86{mem: mem, size: size, physBase: physBase, addrMask: ptePhys}
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
	return s
}

func (s *x86) image(v uint64) (phys, left uint64, ok bool) {
	if v < startKernelMap || v >= startKernelMap+kernelImageSize {
		return 0, 0, false
	}
	phys = v - startKernelMap + s.physBase
	return phys, startKernelMap + kernelImageSize - v, phys < uint64(s.size)
}

func (s *x86) imageAt(phys uint64) uint64 { return phys - s.physBase + startKernelMap }

// direct: page_offset_base is random and VMCOREINFO does not have it.
func (s *x86) direct(uint64) (phys, left uint64, ok bool) { return 0, 0, false }

// tables makes at most five reads.
func (s *x86) tables(v uint64, seen func(table uint64)) (phys, left uint64, err error) {
	if s.levels == 0 {
		return 0, 0, errNoTables
	}
	top := uint(pageShift + 9*s.levels) // 48 or 57 bits of address
	if sign := int64(v) >> (top - 1); sign != 0 && sign != -1 {
		return 0, 0, fmt.Errorf("not canonical with %d-level page tables", s.levels)
	}
	table := s.root
	for level := s.levels; ; level-- {
		shift := uint(pageShift + 9*(level-1))
		if seen != nil {
			seen(table)
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

// directMap finds page_offset_base: the lowest mapping in the kernel's half is the direct map, and it starts with the first page of RAM.
func (s *x86) directMap(seen func(table uint64)) uint64 {
	if s.levels == 0 {
		return 0
	}
	v := ^uint64(0) << (pageShift + 9*s.levels - 1)
	for range 4 * 512 {
		phys, _, err := s.tables(v, seen)
		if err == nil && phys == 0 {
			return v
		}
		if err == nil {
			break
		}
		var absent *absentError
		if !errors.As(err, &absent) {
			break
		}
		step := uint64(1) << (pageShift + 9*(absent.level-1))
		if v = v&^(step-1) + step; v == 0 {
			break
		}
	}
	return 0
}
