// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// arm64 is the walk of AArch64. The image lies at NUMBER(kimage_voffset); the page tables begin at SYMBOL(swapper_pg_dir). Their geometry
// follows from the page size, from the width that the kernel was built for (NUMBER(VA_BITS)) and from the one that this CPU has
// (NUMBER(TCR_EL1_T1SZ)).
type arm64 struct {
	mem     io.ReaderAt
	size    int64 // of physical memory, bytes
	voffset uint64
	begin   uint64 // of the image, a kernel address
	root    uint64 // physical address of the top page table
	levels  int    // 0: no page tables known
	page    uint   // bits of an address within a page: 12, 14, 16
	built   uint   // bits of a kernel address that the kernel was built for
	lpa2    bool   // 52-bit physical addresses with pages of 4 or 16 KiB
	// linear is the direct map by arithmetic: its first address, and NUMBER(PHYS_OFFSET).
	linear, physOffset uint64
	hasLinear          bool
}

const (
	armImageBefore = 64 << 10  // of the image in front of _stext (head.S)
	armImageSize   = 256 << 20 // of the image from _stext on, at most
)

func newARM64(mem io.ReaderAt, size int64, info *VMCoreInfo) (*arm64, error) {
	voffset, _ := info.Number("NUMBER(kimage_voffset)")
	stext, ok := info.Symbol("_stext")
	if !ok {
		return nil, fmt.Errorf("VMCOREINFO of %q: an arm64 kernel without SYMBOL(_stext)", info.Release)
	}
	built, ok := info.Number("NUMBER(VA_BITS)")
	if !ok || built < 36 || built > 52 {
		return nil, fmt.Errorf("VMCOREINFO of %q: NUMBER(VA_BITS)=%d: 36 to 52 are plausible on arm64", info.Release, built)
	}
	used := built
	if t1sz, ok := info.Number("NUMBER(TCR_EL1_T1SZ)"); ok {
		if used = 64 - t1sz; t1sz > 28 || used > built {
			return nil, fmt.Errorf("VMCOREINFO of %q: NUMBER(TCR_EL1_T1SZ)=%d does not go with NUMBER(VA_BITS)=%d", info.Release, t1sz, built)
		}
	}
	a := &arm64{mem: mem, size: size, voffset: voffset, begin: stext - armImageBefore, built: uint(built)}
	a.page = uint(bits.TrailingZeros64(info.PageSize))
	a.lpa2 = used == 52 && a.page < 16
	a.linear = ^uint64(0) << built
	a.physOffset, a.hasLinear = info.Number("NUMBER(PHYS_OFFSET)")
	if top, ok := info.Symbol("swapper_pg_dir"); ok {
		if a.root, _, ok = a.image(top); ok {
			step := a.page - 3
			a.levels = int((uint(used) - a.page + step - 1) / step)
		}
	}
	return a, nil
}

// untagged is an address without the tag that KASAN keeps in its top byte.
func (a *arm64) untagged(v uint64) uint64 { return uint64(int64(v<<8) >> 8) }

func (a *arm64) image(v uint64) (phys, left uint64, ok bool) {
	in := a.untagged(v) - a.begin
	if in >= armImageBefore+armImageSize {
		return 0, 0, false
	}
	phys = a.untagged(v) - a.voffset
	return phys, armImageBefore + armImageSize - in, phys < uint64(a.size)
}

func (a *arm64) imageAt(phys uint64) uint64 { return phys + a.voffset }

// index is the place of an address in a table of a level, 1 being the last one. The top table of a kernel that was built for 52 bits with
// pages of 64 KiB has 1,024 entries whatever the CPU has.
func (a *arm64) index(v uint64, level int) uint64 {
	shift := a.page + (a.page-3)*uint(level-1)
	width := a.page - 3
	if level == a.levels && a.built > shift {
		width = min(width, a.built-shift)
	}
	return v >> shift & (1<<width - 1)
}

// output is the physical address in an entry.
func (a *arm64) output(entry uint64) uint64 {
	const bits48 = 1<<48 - 1
	switch {
	case a.lpa2:
		return entry&(1<<50-1)&^(1<<a.page-1) | entry>>8&3<<50
	case a.page == 16: // bits 15 to 12 are zero unless physical addresses have 52 bits
		return entry&bits48&^(1<<16-1) | entry>>12&15<<48
	}
	return entry & bits48 &^ (1<<a.page - 1)
}

// tables makes at most five reads.
func (a *arm64) tables(v uint64, seen func(table uint64)) (phys, left uint64, err error) {
	if a.levels == 0 {
		return 0, 0, errNoTables
	}
	v = a.untagged(v)
	if v < a.linear {
		return 0, 0, fmt.Errorf("not a kernel address of %d bits", a.built)
	}
	table := a.root
	for level := a.levels; ; level-- {
		if seen != nil {
			seen(table)
		}
		at := table + a.index(v, level)*8
		var b [8]byte
		if _, err := readFull(a.mem, b[:], at); err != nil {
			return 0, 0, fmt.Errorf("page table level %d: %w", level, err)
		}
		entry := binary.LittleEndian.Uint64(b[:])
		if entry&1 == 0 || level == 1 && entry&2 == 0 {
			return 0, 0, &absentError{level: level, at: at, entry: entry}
		}
		if level == 1 || entry&2 == 0 { // a page, or a block
			in := uint64(1)<<(a.page+(a.page-3)*uint(level-1)) - 1
			return a.output(entry)&^in | v&in, in + 1 - v&in, nil
		}
		table = a.output(entry)
	}
}

// direct: since 5.4 the direct map is the lower half of the kernel's addresses.
func (a *arm64) direct(v uint64) (phys, left uint64, ok bool) {
	in := a.untagged(v) - a.linear
	least := uint(48) // VA_BITS_MIN: it ends where it would with so many bits
	if a.page == 14 && a.built > 48 {
		least = 47
	}
	end := -a.linear - 1<<(min(a.built, least)-1)
	if !a.hasLinear || in >= end {
		return 0, 0, false
	}
	phys = in + a.physOffset
	return phys, end - in, phys < uint64(a.size)
}

// directMap tries both places that the direct map has had: the top table must be found through it.
func (a *arm64) directMap(seen func(table uint64)) uint64 {
	if !a.hasLinear {
		return 0
	}
	for _, offset := range [...]uint64{a.linear, ^uint64(0) << (a.built - 1)} {
		base := offset - a.physOffset
		if phys, _, err := a.tables(base+a.root, seen); err == nil && phys == a.root {
			return base
		}
	}
	return 0
}
