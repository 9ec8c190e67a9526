// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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

// kdumpPart is one file.
type kdumpPart struct {
	r           sized
	name        string
	version     int
	level       uint32 // what was left out: bit 0 is pages of zero
	first, last uint64 // pages whose descriptors it has: [first, last)
	pages       uint64 // of the whole machine
	split       bool
	incomplete  bool
	ram, saved  *bitmap // nil if it has no pages
	skip        uint64  // saved pages before first
	descs       int64   // offset of the first descriptor, bytes
	block       uint64
}

// Offsets in the headers of a 64-bit machine, bytes.
const (
	kdVersion, kdMachine, kdStatus, kdBlock, kdSub, kdBitmap, kdMaxMapnr = 8, 12 + 4*65, 424, 428, 432, 436, 440
	kdHeader                                                             = 464
	kdBlock32                                                            = 416 // where a 32-bit machine has the size of a block

	ksLevel, ksSplit, ksStart, ksEnd, ksInfoAt, ksInfoSize, ksStart64, ksEnd64, ksMaxMapnr64 = 8, 12, 16, 24, 32, 40, 80, 88, 96
	ksHeader                                                                                 = 104

	kdIncomplete = 0x8 // DUMP_DH_COMPRESSED_INCOMPLETE
	kdVersions   = 64  // more is not plausible: there are six
	// maxPages is how many pages of memory are plausible: 2^50 bytes.
	maxPages = 1 << 38
)

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

// part reads the headers of one file.
func (k *kdump) part(ctx context.Context, r sized, name string) (*kdumpPart, error) {
	h := make([]byte, kdHeader)
	if n, err := r.ReadAt(h, 0); n < len(h) {
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		return nil, fmt.Errorf("the file ends at byte %d, inside the header: copy it again", n)
	}
	u32 := func(off int) uint32 { return binary.LittleEndian.Uint32(h[off:]) }
	p := &kdumpPart{r: r, name: name, version: int(u32(kdVersion)), block: uint64(u32(kdBlock)), incomplete: u32(kdStatus)&kdIncomplete != 0}
	switch {
	case bytes.Count(h, []byte{0}) == len(h)-len("KDUMP   "):
		return nil, errors.New("there is nothing in its header: the dump was cut before it was finished")
	case p.version > kdVersions && binary.BigEndian.Uint32(h[kdVersion:]) <= kdVersions:
		return nil, errors.New("the dump of a big-endian machine: only little-endian machines are supported")
	case !isBlock(p.block) && isBlock(uint64(u32(kdBlock32))):
		return nil, errors.New("the dump of a 32-bit machine: only 64-bit machines are supported")
	case p.version > kdVersions || !isBlock(p.block):
		return nil, fmt.Errorf("header: version %d with pages of %d bytes cannot be", p.version, p.block)
	}
	if string(bytes.TrimRight(h[kdMachine:kdMachine+65], "\x00")) == "x86_64" {
		k.x86 = true
	}
	sub, bits := uint64(u32(kdSub)), uint64(u32(kdBitmap))
	size, at := uint64(r.Size()), (1+sub)*p.block // 2^32 blocks of 2^16 bytes at most
	p.pages, p.last = uint64(u32(kdMaxMapnr)), ^uint64(0)
	if p.version >= 1 && bytes.HasPrefix(h, []byte("KDUMP")) {
		if err := k.sub(p, sub*p.block); err != nil {
			return nil, err
		}
	}
	if p.split && p.first == p.last {
		return p, nil // makedumpfile writes parts without pages, and not all of their bitmaps
	}
	if sub == 0 || bits == 0 || at > size || bits*p.block > size-at {
		return nil, fmt.Errorf("the file ends at byte %d, inside its bitmaps (%d+%d bytes): truncated, copy it again", size, at, bits*p.block)
	}
	if p.pages == 0 || p.pages > maxPages || p.pages > bits*p.block*8 {
		return nil, fmt.Errorf("header: %d pages of memory do not fit bitmaps of %d bytes", p.pages, bits*p.block)
	}
	p.last = min(p.last, p.pages)
	p.descs = int64(at + bits*p.block)
	return p, p.bitmaps(ctx, int64(at), int64(bits*p.block))
}

func isBlock(n uint64) bool { return n >= 4096 && n <= 64<<10 && n&(n-1) == 0 }

// sub reads the second header, of so many bytes.
func (k *kdump) sub(p *kdumpPart, size uint64) error {
	s := make([]byte, ksHeader)
	if _, err := readFull(p.r, s[:min(ksHeader, size)], p.block); err != nil {
		return fmt.Errorf("read the second header: %w", err)
	}
	u32 := func(off int) uint32 { return binary.LittleEndian.Uint32(s[off:]) }
	u64 := func(off int) uint64 { return binary.LittleEndian.Uint64(s[off:]) }
	p.level, k.base = u32(ksLevel), u64(0)
	if p.version >= 2 {
		p.split = u32(ksSplit) != 0
		start, end := u64(ksStart), u64(ksEnd)
		if p.version >= 6 {
			start, end = u64(ksStart64), u64(ksEnd64)
			if n := u64(ksMaxMapnr64); n != 0 {
				p.pages = n
			}
		}
		if p.split {
			if p.first, p.last = start, end; start > end {
				return fmt.Errorf("header: a part with pages %d to %d", start, end)
			}
		}
	}
	if p.version < 3 || k.note != nil {
		return nil
	}
	at, n := u64(ksInfoAt), u64(ksInfoSize)
	if at == 0 || n == 0 {
		return nil
	}
	if n > maxVMCoreInfo || at > uint64(p.r.Size()) || n > uint64(p.r.Size())-at {
		k.odd = fmt.Sprintf("the header's VMCOREINFO (%d bytes at byte %d) is not in the file", n, at)
		return nil
	}
	k.note = make([]byte, n)
	_, err := readFull(p.r, k.note, at)
	return err
}

// bitmaps: the first one tells where memory is, the second which pages were saved. Old files have one for both.
func (p *kdumpPart) bitmaps(ctx context.Context, at, n int64) error {
	var err error
	need := int64((p.pages + 7) / 8)
	need = (need + int64(p.block) - 1) &^ (int64(p.block) - 1)
	if n >= 2*need {
		if p.ram, err = newBitmap(ctx, p.r, at, p.pages, false); err != nil {
			return err
		}
		at += n / 2
	}
	if p.saved, err = newBitmap(ctx, p.r, at, p.pages, true); err != nil {
		return err
	}
	if p.ram == nil {
		p.ram = p.saved
	}
	p.skip, err = p.saved.rank(p.first)
	return err
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
