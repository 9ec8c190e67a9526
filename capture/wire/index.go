// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// The index, wire.idx, tells the times of the bytes in wire.bin. All numbers
// are unsigned varints (encoding/binary) unless said otherwise.
//
//	header   "lpwire" 0x00 0x01   magic and version
//	         clock                1 virtual, 2 monotonic
//	         baud, bits           of the line and of one frame; 0 unknown
//	records  n<<2 | 0             n bytes follow on the wire; then n times: each
//	                              zigzag(end - previous end - nominal)
//	         n<<2 | 1, time       n bytes that share one time (one read)
//	         kind<<2 | 2, time, count   a mark; it lies before the next byte
//	trailer  0<<2 | 3, length, crc32 of wire.bin, crc32 of all of wire.idx
//	                              before this checksum (both IEEE, 4 bytes, LE)
//
// nominal is the time of one frame (Frame.ByteNS), so a back-to-back byte
// costs one byte of index. The previous end of the first record is 0 ns; a
// mark's time counts as a previous end.
//
// Both files are only appended to. Without the trailer the capture is
// unfinished: it holds all that was written until the writer died. Every
// prefix of the index is an index of a prefix of the wire.
const (
	idxMagic   = "lpwire\x00\x01"
	recTimes   = 0
	recChunk   = 1
	recMark    = 2
	recTrailer = 3

	clockVirtual   = 1
	clockMonotonic = 2
)

// encoder turns appends into index bytes; its zero value is not usable.
type encoder struct {
	buf     []byte
	last    int64
	nominal int64
	sum     uint32 // of the index bytes already taken
}

func newEncoder(clock Clock, f Frame) *encoder {
	e := &encoder{nominal: f.ByteNS()}
	e.buf = append(e.buf, idxMagic...)
	c := uint64(clockVirtual)
	if clock == Monotonic {
		c = clockMonotonic
	}
	e.uint(c)
	e.uint(uint64(f.Baud))
	e.uint(uint64(f.Bits))
	return e
}

func (e *encoder) uint(v uint64) { e.buf = binary.AppendUvarint(e.buf, v) }

func (e *encoder) time(t int64) {
	e.buf = binary.AppendVarint(e.buf, t-e.last-e.nominal)
	e.last = t
}

func (e *encoder) bytes(n int, ends []int64) {
	if len(ends) != n {
		e.uint(uint64(n)<<2 | recChunk)
		e.time(ends[0])
		return
	}
	e.uint(uint64(n)<<2 | recTimes)
	for _, t := range ends {
		e.time(t)
	}
}

func (e *encoder) mark(m Mark) {
	e.uint(uint64(m.Kind)<<2 | recMark)
	e.time(m.NS)
	e.uint(m.Count)
}

func (e *encoder) trailer(length int64, wireSum uint32) {
	e.uint(recTrailer)
	e.uint(uint64(length))
	e.buf = binary.LittleEndian.AppendUint32(e.buf, wireSum)
	sum := crc32.Update(e.sum, crc32.IEEETable, e.buf)
	e.buf = binary.LittleEndian.AppendUint32(e.buf, sum)
}

// take returns what was encoded since the last take.
func (e *encoder) take() []byte {
	b := e.buf
	e.sum = crc32.Update(e.sum, crc32.IEEETable, b)
	e.buf = e.buf[:0]
	return b
}

// Reseal gives the index of a capture for other bytes of the same length, with the same times. bin is what it is of now. An unfinished
// capture has no checksums, and its index stays as it is.
func Reseal(idx, bin, other []byte) ([]byte, error) {
	_, info, err := Load(bytes.NewReader(bin), bytes.NewReader(idx))
	switch {
	case err != nil:
		return nil, fmt.Errorf("seal the index anew: %w", err)
	case len(bin) != len(other):
		return nil, fmt.Errorf("seal the index anew: %d bytes in place of %d", len(other), len(bin))
	case !info.Finished:
		return idx, nil
	}
	out := bytes.Clone(idx)
	binary.LittleEndian.PutUint32(out[len(out)-8:], crc32.ChecksumIEEE(other))
	binary.LittleEndian.PutUint32(out[len(out)-4:], crc32.ChecksumIEEE(out[:len(out)-4]))
	return out, nil
}
