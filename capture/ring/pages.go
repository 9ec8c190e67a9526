// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"encoding/binary"
	"sort"
)

// pageSet is the pages that a small core needs, each with the virtual address at which tools look for it.
type pageSet struct {
	sp    *space
	virts map[uint64]uint64 // physical page -> virtual page, 0 if only its physical address matters
}

// add takes in the pages of [v, v+n).
func (p *pageSet) add(ctx context.Context, name string, v, n uint64) error {
	a, err := p.sp.newArea(ctx, name, v, n)
	if err != nil {
		return err
	}
	for _, r := range a.runs {
		virt := (v + r.off) &^ (pageSize - 1)
		for phys := r.phys &^ (pageSize - 1); phys < r.phys+r.n; phys += pageSize {
			if p.virts[phys] == 0 {
				p.virts[phys] = virt
			}
			virt += pageSize
		}
	}
	return nil
}

// addSections takes in the table of memory sections (SPARSEMEM_EXTREME in mm/sparse.c), which makedumpfile wants to see before it
// does anything: an array of pointers, each to a page of struct mem_section. The array is 2 MiB with 5-level page tables and
// nearly empty: its pages after the last pointer are given back as zero, to be claimed by p_memsz alone.
func (p *pageSet) addSections(ctx context.Context, info *VMCoreInfo) (zero segment) {
	at, ok := info.Symbol("mem_section")
	length, _ := info.Number("LENGTH(mem_section)")
	if !ok || length == 0 || length > maxSections {
		return zero
	}
	array, err := p.sp.newArea(ctx, "mem_section", at, length*8)
	if err != nil || len(array.runs) != 1 {
		return zero
	}
	b, err := array.bytes(0, array.size)
	if err != nil {
		return zero
	}
	used := uint64(0)
	for i := uint64(0); i < length; i++ {
		root := binary.LittleEndian.Uint64(b[i*8:])
		if root == 0 {
			continue
		}
		used = (i + 1) * 8
		if p.add(ctx, "mem_section root", root, pageSize) != nil || used > 16*pageSize {
			return zero // not what it was taken for
		}
	}
	if p.add(ctx, "mem_section", at, max(used, 1)) != nil {
		return zero
	}
	if p.add(ctx, "mem_section", at+length*8-1, 1) != nil { // the array need not end with a page
		return zero
	}
	end := (at + length*8 - 1) &^ (pageSize - 1)
	from := (at + max(used, 1) + pageSize - 1) &^ (pageSize - 1)
	if end <= from {
		return zero
	}
	return segment{virt: from, phys: array.runs[0].phys + from - at, size: end - from}
}

// maxSections bounds LENGTH(mem_section), entries: 2^18 with 52 bits of physical address.
const maxSections = 1 << 20

// addTables takes in the page tables that lead to what is in the set, so that tools which walk them can. Tables that cannot
// be read are left out: whoever needs them did not get here.
func (p *pageSet) addTables() {
	tables := make(map[uint64]bool)
	seen := func(table uint64) {
		for off := uint64(0); off < p.sp.page; off += pageSize {
			tables[table+off] = true
		}
	}
	for _, virt := range p.virts {
		if virt != 0 {
			_, _, _ = p.sp.tables(virt, seen)
		}
	}
	base := p.sp.directMap(seen)
	taken := make(map[uint64]bool, len(p.virts))
	for _, virt := range p.virts {
		taken[virt] = true
	}
	for table := range tables {
		if _, ok := p.virts[table]; !ok {
			p.virts[table] = 0
			if base != 0 && !taken[base+table] {
				p.virts[table] = base + table
			}
		}
	}
}

// segments gives the set as PT_LOADs in the order of virtual address, contiguous pages joined.
func (p *pageSet) segments() []segment {
	segs := make([]segment, 0, len(p.virts))
	for phys, virt := range p.virts {
		segs = append(segs, segment{virt: virt, phys: phys, size: pageSize})
	}
	sort.Slice(segs, func(i, j int) bool {
		if segs[i].virt != segs[j].virt {
			return segs[i].virt < segs[j].virt
		}
		return segs[i].phys < segs[j].phys
	})
	joined := segs[:0]
	for _, s := range segs {
		if n := len(joined) - 1; n >= 0 && joined[n].virt != 0 && s.virt == joined[n].virt+joined[n].size && s.phys == joined[n].phys+joined[n].size {
			joined[n].size += s.size
		} else {
			joined = append(joined, s)
		}
	}
	return joined
}
