// SPDX-License-Identifier: Apache-2.0

package ring

import "sort"

// arrange sorts the segments for the three ways in which they are looked for.
func (c *Core) arrange() {
	sort.SliceStable(c.segs, func(i, j int) bool { return c.segs[i].phys < c.segs[j].phys })
	c.reach = reaches(c.segs, func(s segment) uint64 { return s.phys })
	for _, s := range c.segs {
		if s.virt != 0 { // zero: the writer did not know (QEMU without paging=on)
			c.virt = append(c.virt, s)
		}
	}
	sort.SliceStable(c.virt, func(i, j int) bool { return c.virt[i].virt < c.virt[j].virt })
	c.virtTo = reaches(c.virt, func(s segment) uint64 { return s.virt })
	c.once()
}

func reaches(segs []segment, begin func(segment) uint64) []uint64 {
	ends := make([]uint64, len(segs))
	last := uint64(0)
	for i, s := range segs {
		end := begin(s) + s.size
		if end < s.size { // at the end of addresses
			end = ^uint64(0)
		}
		last = max(last, end)
		ends[i] = last
	}
	return ends
}

// overlap is by how much stretches of the file are searched twice, so that nothing between two of them is missed, bytes.
const overlap = 64

// once gives each stretch of the file that has data to the one segment that is searched for it. A paging dump claims the same bytes for
// many virtual addresses, and a hostile file for many physical ones.
func (c *Core) once() {
	byFile := make([]segment, 0, len(c.segs))
	for _, s := range c.segs {
		if !s.zero {
			byFile = append(byFile, s)
		}
	}
	sort.SliceStable(byFile, func(i, j int) bool { return byFile[i].off < byFile[j].off })
	done := uint64(0) // everything before is in some stretch
	for _, s := range byFile {
		if s.off+s.size <= done {
			continue
		}
		if known := done - min(done, s.off); known > overlap {
			s.off, s.phys, s.size = s.off+known-overlap, s.phys+known-overlap, s.size-known+overlap
		}
		done = s.off + s.size
		c.search = append(c.search, s)
	}
	sort.SliceStable(c.search, func(i, j int) bool { return c.search[i].phys < c.search[j].phys })
	apart := c.search[:0]
	done = 0
	for _, s := range c.search {
		known := done - min(done, s.phys)
		if known >= s.size {
			continue
		}
		s.off, s.phys, s.size = s.off+known, s.phys+known, s.size-known
		done = s.phys + s.size
		apart = append(apart, s)
	}
	c.search = apart
}

// held is how many bytes of memory are in the file.
func (c *Core) held() int64 {
	n := uint64(0)
	for _, s := range c.search {
		n += s.size
	}
	return int64(n)
}

// next is for the search through a core without a note. It leaves out what the file has not. Segments that touch are one stretch.
func (c *Core) next(off int64) (start, end int64, ok bool) {
	i := sort.Search(len(c.search), func(i int) bool { return int64(c.search[i].phys+c.search[i].size) > off })
	for ; i < len(c.search) && end-start < 2*scanChunk; i++ {
		s := c.search[i]
		from, to, has := c.present(s, max(off, int64(s.phys)))
		switch {
		case !ok && !has:
			continue
		case !ok:
			start, end, ok = from, to, true
		case has && from == end:
			end = to
		default:
			return start, end, ok
		}
		if to < int64(s.phys+s.size) {
			return start, end, ok // a hole follows
		}
	}
	return start, end, ok
}

// present gives the first stretch of a segment, from a physical address in it on, that is no hole of the file.
func (c *Core) present(s segment, at int64) (from, to int64, ok bool) {
	end := int64(s.phys + s.size)
	holes, sparse := c.r.(extents)
	if !sparse {
		return at, end, true
	}
	shift := int64(s.phys) - int64(s.off)
	from, to, ok = holes.next(at - shift)
	if from, to = from+shift, min(to+shift, end); !ok || from >= end {
		return 0, 0, false
	}
	return from, to, true
}

// find gives the segment that holds a physical address. Segments may overlap (a kdump has the kernel's image twice): the same bytes are
// in both, except that bytes of the file go before those that are only claimed to be zero.
func (c *Core) find(phys uint64) (found segment, in uint64, ok bool) {
	i := sort.Search(len(c.segs), func(i int) bool { return c.segs[i].phys > phys })
	for i--; i >= 0 && c.reach[i] > phys; i-- {
		s := c.segs[i]
		if phys-s.phys >= s.size {
			continue
		}
		if !s.zero {
			return s, phys - s.phys, true
		}
		if !ok {
			found, in, ok = s, phys-s.phys, true
		}
	}
	return found, in, ok
}

// virtual translates by p_vaddr.
func (c *Core) virtual(v uint64) (phys, left uint64, ok bool) {
	i := sort.Search(len(c.virt), func(i int) bool { return c.virt[i].virt > v })
	for i--; i >= 0 && c.virtTo[i] > v; i-- {
		if s := c.virt[i]; v-s.virt < s.size {
			return s.phys + (v - s.virt), s.size - (v - s.virt), true
		}
	}
	return 0, 0, false
}
