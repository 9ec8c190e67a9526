// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// space is kernel virtual memory, read through physical memory. Three ways lead from virtual to physical, tried in this order: the kernel
// image, the page tables, and what a core file says in p_vaddr.
type space struct {
	walk
	mem  io.ReaderAt
	size int64 // of physical memory, bytes: no object in it can be larger
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
	// directMap is the virtual address of physical address 0, 0 if it cannot be told. seen is told the tables that were looked into.
	directMap(seen func(table uint64)) uint64
}

// errNoTables is the error of tables when VMCOREINFO does not say where they begin.
var errNoTables = errors.New("VMCOREINFO has no SYMBOL(init_top_pgt) to walk from")

const (
	pageShift = 12
	pageSize  = 1 << pageShift
)

func newSpace(mem io.ReaderAt, size int64, info *VMCoreInfo) (*space, error) {
	if _, arm := info.Number("NUMBER(kimage_voffset)"); arm {
		return nil, fmt.Errorf("VMCOREINFO of %q: an arm64 kernel: only x86_64 is supported", info.Release)
	}
	w, err := newX86(mem, size, info)
	if err != nil {
		return nil, err
	}
	return &space{walk: w, mem: mem, size: size}, nil
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
