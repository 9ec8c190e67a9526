// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"fmt"
	"sort"
	"strings"
)

// kdump is a kdump-compressed dump in one or several files, as makedumpfile and QEMU write it (diskdump_mod.h). It reads as guest physical
// memory. Pages are unpacked when they are read.
type kdump struct {
	parts []*kdumpPart // by first
	block uint64       // bytes of a page
	note  []byte       // text of VMCOREINFO, nil if there is none
	odd   string       // why there is none though the header names one
	cut   string
	x86   bool
	base  uint64 // phys_base of x86_64 as the second header has it
	pageReader
}

// newKdump reads the headers of all parts of a dump.
func newKdump(ctx context.Context, files []sized, names []string) (*kdump, error) {
	k := &kdump{}
	for i, r := range files {
		p, err := k.part(ctx, r, names[i])
		if err != nil {
			if len(files) > 1 {
				err = fmt.Errorf("%s: %w", names[i], err)
			}
			return nil, err
		}
		k.parts = append(k.parts, p)
	}
	one := k.parts[0]
	for _, p := range k.parts[1:] {
		if !p.split || !one.split || p.pages != one.pages || p.block != one.block {
			return nil, fmt.Errorf("%s and %s are not parts of one split dump", one.name, p.name)
		}
	}
	sort.SliceStable(k.parts, func(i, j int) bool { return k.parts[i].first < k.parts[j].first })
	k.block = one.block
	k.pageReader = newPageReader(k.parts)
	k.cut = k.missing()
	return k, nil
}

// missing tells what a dump lacks that says itself that it is not whole.
func (k *kdump) missing() string {
	var lacks []string
	next := uint64(0)
	for _, p := range k.parts {
		if p.incomplete {
			lacks = append(lacks, p.name+" is incomplete: makedumpfile ran out of room when it wrote it")
		}
		if p.first > next {
			lacks = append(lacks, k.without(next, p.first))
		}
		next = max(next, p.last)
	}
	if next < k.parts[0].pages {
		lacks = append(lacks, k.without(next, k.parts[0].pages))
	}
	return strings.Join(lacks, "; ")
}

func (k *kdump) without(from, to uint64) string {
	return fmt.Sprintf("the dump is split: the part with physical 0x%x to 0x%x was not given: name all its files", from*k.block, to*k.block)
}

// Size is the physical address after the last page, bytes.
func (k *kdump) Size() int64 { return int64(k.parts[0].pages * k.block) } // at most 2^56

// held is how many bytes of memory were saved, as far as the files can have them.
func (k *kdump) held() int64 {
	n := int64(0)
	for _, p := range k.parts {
		if p.saved != nil {
			n += min(int64(p.saved.count*k.block), maxPageRatio*p.r.Size())
		}
	}
	return n
}

// ReadAt reads guest physical memory.
func (k *kdump) ReadAt(b []byte, off int64) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for n < len(b) {
		at := uint64(off) + uint64(n)
		page, err := k.page(at / k.block)
		if err != nil {
			return n, &gapError{fmt.Errorf("physical 0x%x: %w", at, err), int64(at/k.block+1) * int64(k.block)}
		}
		n += copy(b[n:], page[at%k.block:])
	}
	return n, nil
}

// next is for the search through memory: it gives stretches of pages that were saved.
func (k *kdump) next(off int64) (start, end int64, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.parts {
		if p.saved == nil {
			continue
		}
		from, to, ok := p.saved.stretch(max(uint64(off)/k.block, p.first), p.last)
		if ok {
			return max(off, int64(from*k.block)), int64(to * k.block), true
		}
	}
	return 0, 0, false
}

// virtual translates by the header's phys_base, for kernels that do not tell it (before 4.10).
func (k *kdump) virtual(v uint64) (phys, left uint64, ok bool) {
	if !k.x86 || v < startKernelMap || v >= startKernelMap+kernelImageSize {
		return 0, 0, false
	}
	phys = v - startKernelMap + k.base
	return phys, startKernelMap + kernelImageSize - v, phys < uint64(k.Size())
}
