// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

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
