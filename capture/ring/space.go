// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// space is kernel virtual memory, read through physical memory. Four ways lead from virtual to physical, tried in this order: the kernel
// image, the page tables, the direct map where it is known, and what a core file says in p_vaddr.
type space struct {
	walk
	mem     io.ReaderAt
	size    int64  // of physical memory, bytes: no object in it can be larger
	page    uint64 // the kernel's page size, bytes
	machine uint16 // e_machine of a core
}

// walk is how one architecture's kernel lies in physical memory.
type walk interface {
	// image translates an address in the kernel's own mapping, which is physically contiguous. left is how many bytes follow in it, 0 for
	// other addresses; ok says that the place is in memory.
	image(v uint64) (phys, left uint64, ok bool)
	// imageAt is the address in the kernel's own mapping of a physical one.
	imageAt(phys uint64) uint64
	// tables translates by the page tables. seen, if it is not nil, is told the physical address of each table that was used.
	tables(v uint64, seen func(table uint64)) (phys, left uint64, err error)
	// direct translates an address in the direct map by arithmetic; ok is false where the kernel does not say where that map is.
	direct(v uint64) (phys, left uint64, ok bool)
	// directMap is the virtual address of physical address 0, 0 if it cannot be told. seen is told the tables that were looked into.
	directMap(seen func(table uint64)) uint64
}

// errNoTables is the error of tables when VMCOREINFO does not say where they begin.
var errNoTables = errors.New("VMCOREINFO has no symbol of the page tables to walk from")

const (
	pageShift = 12
	pageSize  = 1 << pageShift
)

func newSpace(mem io.ReaderAt, size int64, info *VMCoreInfo) (*space, error) {
	s := &space{mem: mem, size: size, page: pageSize}
	has := func(key string) bool { _, ok := info.Number(key); return ok }
	var err error
	switch {
	case is32Bit(info):
		err = fmt.Errorf("VMCOREINFO of %q: SYMBOL(log_buf) is an address of 32 bits: 32-bit kernels are not supported", info.Release)
	case has("NUMBER(kimage_voffset)"):
		s.walk, err = newARM64(mem, size, info)
		s.machine, s.page = machineARM64, info.PageSize
	case has("NUMBER(va_kernel_pa_offset)") || has("NUMBER(phys_ram_base)"):
		s.walk, err = newRISCV64(mem, size, info)
		s.machine = machineRISCV
	default:
		base, ok := physBase(mem, info)
		if !ok {
			return nil, fmt.Errorf("VMCOREINFO of %q: no NUMBER(phys_base), NUMBER(kimage_voffset) or NUMBER(phys_ram_base): only x86_64, arm64 and riscv64 kernels are supported", info.Release)
		}
		s.walk = newX86(mem, size, base, info)
		s.machine = machineX86
	}
	if err != nil {
		return nil, err
	}
	return s, nil
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
	default:
		if phys, left, err = s.tables(v, nil); err == nil {
			return phys, left, nil
		}
		if phys, left, ok := s.direct(v); ok {
			return phys, left, nil
		}
	}
	if m, ok := s.mem.(mapped); ok {
		if phys, left, ok := m.virtual(v); ok {
			return phys, left, nil
		}
	}
	return 0, 0, fmt.Errorf("translate kernel address 0x%x: %w", v, err)
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
