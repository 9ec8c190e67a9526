// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// riscv64 is the walk of RV64 with Sv39, Sv48 or Sv57. The image lies at NUMBER(va_kernel_pa_offset) below its addresses; the page tables
// begin at SYMBOL(swapper_pg_dir).
type riscv64 struct {
	mem       io.ReaderAt
	size      int64 // of physical memory, bytes
	paOffset  uint64
	begin     uint64 // of the image, a kernel address
	root      uint64 // physical address of the top page table
	levels    int    // 3 to 5; 0: no page tables known
	linear    uint64 // the first address of the direct map
	ramBase   uint64 // what it begins with, a physical address
	hasLinear bool
}

const (
	riscvLinkAddr = 0xffffffff80000000 // KERNEL_LINK_ADDR: the last 2 GiB but for what eBPF and modules have
	riscvPPN      = 1<<44 - 1
	riscvNAPOT    = 1 << 63
)

func newRISCV64(mem io.ReaderAt, size int64, info *VMCoreInfo) (*riscv64, error) {
	r := &riscv64{mem: mem, size: size, begin: riscvLinkAddr}
	if at, ok := info.Number("NUMBER(KERNEL_LINK_ADDR)"); ok {
		r.begin = at
	}
	var ok bool
	if r.ramBase, r.hasLinear = info.Number("NUMBER(phys_ram_base)"); r.hasLinear {
		r.linear, r.hasLinear = info.Number("NUMBER(PAGE_OFFSET)")
	}
	if r.paOffset, ok = info.Number("NUMBER(va_kernel_pa_offset)"); !ok {
		r.paOffset = r.begin - r.ramBase // before 6.4 RAM began, for the kernel, with its image
	}
	va, ok := info.Number("NUMBER(VA_BITS)")
	if !ok || va != 39 && va != 48 && va != 57 {
		return nil, fmt.Errorf("VMCOREINFO of %q: NUMBER(VA_BITS)=%d: riscv64 has 39, 48 or 57", info.Release, va)
	}
	if top, ok := info.Symbol("swapper_pg_dir"); ok {
		if r.root, _, ok = r.image(top); ok {
			r.levels = int(va-pageShift) / 9
		}
	}
	return r, nil
}

func (r *riscv64) image(v uint64) (phys, left uint64, ok bool) {
	if v < r.begin {
		return 0, 0, false
	}
	phys = v - r.paOffset
	return phys, -v, phys < uint64(r.size)
}

func (r *riscv64) imageAt(phys uint64) uint64 { return phys + r.paOffset }

// tables makes at most five reads.
func (r *riscv64) tables(v uint64, seen func(table uint64)) (phys, left uint64, err error) {
	if r.levels == 0 {
		return 0, 0, errNoTables
	}
	if int64(v)>>(pageShift+9*r.levels-1) != -1 {
		return 0, 0, fmt.Errorf("not a kernel address with %d-level page tables", r.levels)
	}
	table := r.root
	for level := r.levels; ; level-- {
		shift := uint(pageShift + 9*(level-1))
		if seen != nil {
			seen(table)
		}
		at := table + v>>shift&511*8
		var b [8]byte
		if _, err := readFull(r.mem, b[:], at); err != nil {
			return 0, 0, fmt.Errorf("page table level %d: %w", level, err)
		}
		entry := binary.LittleEndian.Uint64(b[:])
		leaf := entry>>1&7 != 0 // readable, writable or executable
		if entry&1 == 0 || level == 1 && !leaf {
			return 0, 0, &absentError{level: level, at: at, entry: entry}
		}
		ppn := entry >> 10 & riscvPPN
		if !leaf {
			table = ppn << pageShift
			continue
		}
		if entry&riscvNAPOT != 0 && level == 1 && ppn != 0 { // Svnapot: the lowest bit that is set tells the size
			order := uint(bits.TrailingZeros64(ppn)) + 1
			shift, ppn = shift+order, ppn&(ppn-1)
		}
		in := uint64(1)<<shift - 1
		return ppn<<pageShift&^in | v&in, in + 1 - v&in, nil
	}
}

func (r *riscv64) direct(v uint64) (phys, left uint64, ok bool) {
	if !r.hasLinear || v < r.linear || v >= r.begin {
		return 0, 0, false
	}
	phys = v - r.linear + r.ramBase
	return phys, r.begin - v, phys < uint64(r.size)
}

func (r *riscv64) directMap(seen func(table uint64)) uint64 {
	base := r.linear - r.ramBase
	if phys, _, err := r.tables(base+r.root, seen); r.hasLinear && err == nil && phys == r.root {
		return base
	}
	return 0
}
