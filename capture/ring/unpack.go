// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

const (
	// maxWindow bounds the memory that unpacking takes, bytes: xz -9 and zstd --long take up to 64 and 128 MiB.
	maxWindow = 128 << 20
	// A file may unpack to freeUnpacked bytes, and to maxRatio times its own size besides. Memory of zeros packs to 1/7000.
	freeUnpacked = 512 << 20
	maxRatio     = 1000
	// maxLayers is how often a file may be packed.
	maxLayers = 3
)

// packing is one way to pack a whole file.
type packing struct {
	name, magic string
	open        func(io.Reader) (io.Reader, error)
}

var packings = []packing{
	{"gzip", "\x1f\x8b", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"xz", "\xfd7zXZ\x00", openXZ},
	{"zstd", "\x28\xb5\x2f\xfd", openZstd},
	{"bzip2", "BZh", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
}

// refusedPackings are named, with the tool that unpacks them.
var refusedPackings = []struct{ magic, what string }{
	{"\x04\x22\x4d\x18", "lz4 data: unpack it first (`lz4 -dc FILE | lastpage dmesg -`)"},
	{"\x02\x21\x4c\x18", "lz4 data of the old kind: unpack it first (`lz4 -dc FILE | lastpage dmesg -`)"},
	{"\x89LZO\x00\r\n", "lzop data: unpack it first (`lzop -dc FILE | lastpage dmesg -`)"},
	{"LZIP", "lzip data: unpack it first (`lzip -dc FILE | lastpage dmesg -`)"},
	{"]\x00\x00", "lzma data: unpack it first (`xz --format=lzma -dc FILE | lastpage dmesg -`)"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"},
	{"PK\x03\x04", "a zip archive: unpack it first"},
}

// unpack gives the file in a packed one, or the file itself if it is not packed. It closes what it replaces.
func unpack(ctx context.Context, in *input) (*input, error) {
	for range maxLayers {
		p, err := packed(in)
		if err != nil || p == nil {
			return in, err
		}
		most := min(maxInput, freeUnpacked+maxRatio*in.size)
		r, err := p.open(bufio.NewReaderSize(io.NewSectionReader(in, 0, in.size), 1<<20))
		var out *input
		if err == nil {
			out, err = spool(ctx, r, most)
			if c, ok := r.(*zstd.Decoder); ok {
				c.Close()
			}
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("the file is truncated, copy it again: %w", err)
		}
		if err != nil {
			return in, fmt.Errorf("unpack %s data: %w", p.name, err)
		}
		_ = in.Close()
		in = out
	}
	if p, err := packed(in); err != nil || p != nil {
		return in, fmt.Errorf("the file is packed more than %d times", maxLayers)
	}
	return in, nil
}

// packed tells by its first bytes how a file is packed, nil if it is not.
func packed(in *input) (*packing, error) {
	head := make([]byte, 16)
	n, err := in.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for i := range packings {
		if bytes.HasPrefix(head[:n], []byte(packings[i].magic)) {
			return &packings[i], nil
		}
	}
	for _, p := range refusedPackings {
		if bytes.HasPrefix(head[:n], []byte(p.magic)) {
			return nil, errors.New(p.what)
		}
	}
	return nil, nil
}

func openZstd(r io.Reader) (io.Reader, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
}

// openXZ looks into the first block's header for the size of the dictionary, which the library would allocate unseen.
func openXZ(r io.Reader) (io.Reader, error) {
	b := r.(*bufio.Reader)
	const streamHeader = 12
	head, err := b.Peek(streamHeader + 1024)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(head) > streamHeader+2 && head[streamHeader] != 0 {
		at := streamHeader + 2
		for flag := byte(0x40); flag != 0; flag <<= 1 { // sizes of the packed and the unpacked block
			if head[streamHeader+1]&flag != 0 {
				for at < len(head) && head[at]&0x80 != 0 {
					at++
				}
				at++
			}
		}
		if at+2 < len(head) && head[at] == 0x21 { // LZMA2, one byte of properties
			if size, err := lzma.DecodeDictCap(head[at+2]); err == nil && size > maxWindow {
				return nil, fmt.Errorf("a dictionary of %d bytes, at most %d are taken", size, maxWindow)
			}
		}
	}
	return xz.NewReader(b)
}
