// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// kdumpForm is how a kdump-compressed dump of a machine is written.
type kdumpForm struct {
	magic      string // "KDUMP   " if empty
	machine    string // x86_64 if empty
	version    int
	block      int // 4096 if 0
	pack       func([]byte) []byte
	flags      uint32
	level      uint32
	first, end int // pages of this part of a split dump; 0, 0: it is not split
	incomplete int // pages that were written before the disk was full; 0: all
	oneBitmap  bool
	noInfo     bool
}

// file writes the dump of a memory.
func (f kdumpForm) file(mem, info []byte) []byte {
	if f.block == 0 {
		f.block = 4096
	}
	return f.of((len(mem)+f.block-1)/f.block, info, func(i int, page []byte) bool { copy(page, mem[i*f.block:]); return true })
}

// of writes the dump of so many pages, some of which the machine has not, as makedumpfile lays it out.
func (f kdumpForm) of(pages int, info []byte, has func(i int, page []byte) bool) []byte {
	le := binary.LittleEndian
	if f.magic == "" {
		f.magic = kdMagic
	}
	if f.machine == "" {
		f.machine = "x86_64"
	}
	last := pages
	if f.end > 0 {
		last = f.end
	}
	half := (pages/8 + f.block) / f.block * f.block
	infoAt := f.block + ksHeader
	sub := (ksHeader+len(info))/f.block + 1
	ram, saved := make([]byte, half), make([]byte, half)
	bitmaps := 2 * half
	if f.oneBitmap {
		bitmaps = half
	}
	descsAt := (1+sub)*f.block + bitmaps
	type page struct{ data []byte }
	var all []page
	zero := make([]byte, f.block)
	for i := range pages {
		p := make([]byte, f.block)
		if !has(i, p) {
			continue
		}
		ram[i/8] |= 1 << (i % 8)
		if f.level&1 != 0 && bytes.Equal(p, zero) {
			continue
		}
		saved[i/8] |= 1 << (i % 8)
		if i >= f.first && i < last {
			all = append(all, page{p})
		}
	}
	b := make([]byte, descsAt+len(all)*descBytes)
	copy(b, f.magic)
	le.PutUint32(b[kdVersion:], uint32(f.version))
	copy(b[kdMachine:], f.machine)
	if f.incomplete > 0 {
		le.PutUint32(b[kdStatus:], kdIncomplete)
	}
	le.PutUint32(b[kdBlock:], uint32(f.block))
	le.PutUint32(b[kdSub:], uint32(sub))
	le.PutUint32(b[kdBitmap:], uint32(bitmaps/f.block))
	le.PutUint32(b[kdMaxMapnr:], uint32(pages))
	s := b[f.block:]
	physBase := int64(-imageDown)
	le.PutUint64(s, uint64(physBase))
	if f.version >= 1 {
		le.PutUint32(s[ksLevel:], f.level)
	}
	start := ksStart
	if f.version >= 6 {
		start = ksStart64
		le.PutUint32(b[kdMaxMapnr:], ^uint32(0)) // the old field does not count
		le.PutUint64(s[ksMaxMapnr64:], uint64(pages))
	}
	if f.version >= 2 && f.end > 0 {
		le.PutUint32(s[ksSplit:], 1)
		le.PutUint64(s[start:], uint64(f.first))
		le.PutUint64(s[start+8:], uint64(f.end))
	}
	if f.version >= 3 && !f.noInfo {
		le.PutUint64(s[ksInfoAt:], uint64(infoAt))
		le.PutUint64(s[ksInfoSize:], uint64(len(info)))
		copy(b[infoAt:], info)
	}
	at := (1 + sub) * f.block
	if !f.oneBitmap {
		copy(b[at:], ram)
		at += half
	}
	copy(b[at:], saved)
	zeroAt := 0
	for i, p := range all {
		if f.incomplete > 0 && i >= f.incomplete {
			break
		}
		data, flags := p.data, uint32(0)
		if f.pack != nil {
			if packed := f.pack(p.data); len(packed) < len(data) {
				data, flags = packed, f.flags
			}
		}
		isZero := bytes.Equal(p.data, zero)
		at := len(b)
		if isZero && zeroAt > 0 {
			at = zeroAt // one for all
		} else {
			b = append(b, data...)
		}
		if isZero {
			zeroAt = at
		}
		d := b[descsAt+i*descBytes:]
		le.PutUint64(d, uint64(at))
		le.PutUint32(d[8:], uint32(len(data)))
		le.PutUint32(d[12:], flags)
	}
	return b
}

func packZlib(b []byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

func packZstd(b []byte) []byte {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	defer func() { _ = z.Close() }()
	return z.EncodeAll(b, nil)
}

func packSnappy(b []byte) []byte { return snappy.Encode(nil, b) }

// packLZO writes LZO1X: a run of literals up to the zeros at the end, and one match that repeats the last of them (docs of the kernel: lzo.rst).
func packLZO(b []byte) []byte {
	lits := max(30, len(bytes.TrimRight(b, "\x00"))+4)
	run := func(out []byte, n int) []byte { // what follows an instruction without a length of its own
		for ; n > 255; n -= 255 {
			out = append(out, 0)
		}
		return append(out, byte(n))
	}
	if lits+64 > len(b) {
		return b // not worth it
	}
	out := run([]byte{0}, lits-18)
	out = append(out, b[:lits]...)
	out = run(append(out, 0x20), len(b)-lits-2-31) // copy from one byte back
	out = append(out, 0, 0)
	return append(out, 0x11, 0, 0)
}
