// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/anchore/go-lzo"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// How a page of a kdump-compressed dump is packed (flags of its descriptor).
const (
	pageZlib    = 0x1
	pageLZO     = 0x2
	pageSnappy  = 0x4
	pageZstd    = 0x20
	pagePacking = pageZlib | pageLZO | pageSnappy | pageZstd
)

const (
	descBytes = 24 // a page's descriptor: offset, size, flags, flags of struct page
	// keptPages is how many unpacked pages are kept.
	keptPages = 64
	// Memory may unpack to freePages bytes, and to maxPageRatio times the file's size besides. Pages of zero do not count.
	freePages    = 256 << 20
	maxPageRatio = 32
)

// pageReader unpacks single pages.
type pageReader struct {
	mu    *sync.Mutex
	all   []*kdumpPart
	kept  map[uint64][]byte
	order []uint64 // of kept, the oldest first
	zero  []byte
	packd []byte

	nothing  map[*kdumpPart]uint64 // offset in the file of the page of zero that all of them share
	unpacked uint64                // bytes
	most     uint64

	descAt  int64 // the descriptors that were read last
	descOf  *kdumpPart
	descBuf []byte

	zlib io.ReadCloser
	zstd *zstd.Decoder
}

func newPageReader(parts []*kdumpPart) pageReader {
	block := parts[0].block
	r := pageReader{
		mu: &sync.Mutex{}, all: parts, kept: make(map[uint64][]byte, keptPages), zero: make([]byte, block), packd: make([]byte, 2*block),
		nothing: make(map[*kdumpPart]uint64), most: freePages,
	}
	for _, p := range parts {
		r.most += maxPageRatio * uint64(p.r.Size())
	}
	return r
}

// page gives a page of memory, which stays valid until the next call.
func (r *pageReader) page(pfn uint64) ([]byte, error) {
	if b, ok := r.kept[pfn]; ok {
		return b, nil
	}
	if pfn >= r.all[0].pages {
		return nil, fmt.Errorf("it is outside the dump: %w", io.EOF)
	}
	for _, p := range r.all {
		if pfn < p.first || pfn >= p.last {
			continue
		}
		saved, err := p.saved.get(pfn)
		if err != nil {
			return nil, err
		}
		if !saved {
			return r.excluded(p, pfn)
		}
		return r.saved(p, pfn)
	}
	return nil, errors.New("it is in a part of the split dump that was not given")
}

// excluded is about a page that was not saved.
func (r *pageReader) excluded(p *kdumpPart, pfn uint64) ([]byte, error) {
	ram, err := p.ram.get(pfn)
	switch {
	case err != nil:
		return nil, err
	case ram && p.level&1 != 0:
		return r.zero, nil
	case ram:
		return nil, fmt.Errorf("it was left out of the dump (dump level %d)", p.level)
	}
	return nil, fmt.Errorf("the machine has no memory there: %w", io.EOF)
}

func (r *pageReader) saved(p *kdumpPart, pfn uint64) ([]byte, error) {
	index, err := p.saved.rank(pfn)
	if err != nil {
		return nil, err
	}
	desc, err := r.desc(p, index-p.skip)
	if err != nil {
		return nil, err
	}
	at, size, flags := binary.LittleEndian.Uint64(desc), binary.LittleEndian.Uint32(desc[8:]), binary.LittleEndian.Uint32(desc[12:])
	if at == 0 {
		return nil, errors.New("the dump was cut before this page was written")
	}
	if known, ok := r.nothing[p]; ok && known == at {
		return r.zero, nil
	}
	if uint64(size) > uint64(len(r.packd)) || size == 0 {
		return nil, fmt.Errorf("its descriptor tells of %d bytes for a page of %d", size, p.block)
	}
	if r.unpacked += p.block; r.unpacked > r.most {
		return nil, fmt.Errorf("the dump unpacks to more than %d bytes: that is more than such a file can hold", r.most)
	}
	packed := r.packd[:size]
	if _, err := readFull(p.r, packed, at); err != nil {
		return nil, fmt.Errorf("its data (%d bytes at byte %d) are not in the file of %d bytes: truncated, copy it again", size, at, p.r.Size())
	}
	page := r.room(p.block)
	if err := r.unpack(page, packed, flags); err != nil {
		return nil, fmt.Errorf("unpack the page at byte %d of the file: %w", at, err)
	}
	if bytes.Equal(page, r.zero) {
		r.nothing[p] = at
	}
	r.kept[pfn] = page
	r.order = append(r.order, pfn)
	return page, nil
}

// desc reads the descriptor of the saved page with an index, and its neighbours with it.
func (r *pageReader) desc(p *kdumpPart, index uint64) ([]byte, error) {
	at := p.descs + int64(index*descBytes) // the index counts bits that are in the file
	if r.descOf != p || at < r.descAt || at+descBytes > r.descAt+int64(len(r.descBuf)) {
		if r.descBuf == nil {
			r.descBuf = make([]byte, 0, 128*descBytes)
		}
		n, err := p.r.ReadAt(r.descBuf[:cap(r.descBuf)], at)
		r.descBuf, r.descAt, r.descOf = r.descBuf[:n], at, p
		if n < descBytes {
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, err
			}
			return nil, fmt.Errorf("its descriptor, at byte %d, is not in the file of %d bytes: truncated, copy it again", at, p.r.Size())
		}
	}
	return r.descBuf[at-r.descAt:][:descBytes], nil
}

// room gives a buffer for a page, the oldest one's if enough are kept.
func (r *pageReader) room(block uint64) []byte {
	if len(r.order) < keptPages {
		return make([]byte, block)
	}
	b := r.kept[r.order[0]]
	delete(r.kept, r.order[0])
	r.order = r.order[1:]
	return b
}

// unpack fills the page or fails.
func (r *pageReader) unpack(page, packed []byte, flags uint32) error {
	n := 0
	var err error
	switch flags & pagePacking {
	case 0:
		n = copy(page, packed)
		if len(packed) > len(page) {
			n = len(packed)
		}
	case pageZlib:
		n, err = r.inflate(page, packed)
	case pageLZO:
		n, err = lzo.Decompress(packed, page)
	case pageSnappy:
		if n, err = snappy.DecodedLen(packed); err == nil && n == len(page) {
			_, err = snappy.Decode(page, packed)
		}
	case pageZstd:
		if r.zstd == nil {
			if r.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<20), zstd.WithDecoderLowmem(true)); err != nil {
				return err
			}
		}
		var out []byte
		out, err = r.zstd.DecodeAll(packed, page[:0])
		if n = len(out); err == nil && n == len(page) && &out[0] != &page[0] {
			copy(page, out)
		}
	default:
		return fmt.Errorf("flags 0x%x name no way to pack a page", flags)
	}
	if err == nil && n != len(page) {
		err = fmt.Errorf("%d bytes, not a page of %d", n, len(page))
	}
	return err
}

func (r *pageReader) inflate(page, packed []byte) (int, error) {
	var err error
	if r.zlib == nil {
		r.zlib, err = zlib.NewReader(bytes.NewReader(packed))
	} else {
		err = r.zlib.(zlib.Resetter).Reset(bytes.NewReader(packed), nil)
	}
	if err != nil {
		return 0, err
	}
	n, err := io.ReadFull(r.zlib, page)
	if err != nil {
		return n, err
	}
	if _, err := r.zlib.Read(make([]byte, 1)); !errors.Is(err, io.EOF) { // reads the checksum too
		if err == nil {
			err = errors.New("more than a page")
		}
		return n, err
	}
	return n, nil
}
