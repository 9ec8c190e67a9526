// SPDX-License-Identifier: Apache-2.0

package pattern

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// FrameBytes is the length of a frame, and Tail is how many of the last frames of a stream say that they are: enough that its end is known
// when some are lost.
const (
	FrameBytes = 64
	Tail       = 4
)

// Form is the alphabet of a stream.
type Form byte

const (
	Binary Form = iota // all 256 bytes
	Text               // lines of letters, digits, '-' and '_', ended by CR LF, as a console's are
)

// Stream names one stream: no other has the same frames.
type Stream struct {
	ID   uint32
	Form Form
}

// The two forms of a frame. Numbers are big-endian; in text each byte of it is a digit of base 64.
//
//	binary: ff 00 kind id(4) number(8) filling(45) crc32(4)
//	text:   L P kind id(6) number(8) filling(39) crc32(6) CR LF
const (
	magicBinary = "\xff\x00"
	magicText   = "LP"
	digits      = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	data        = 'D' // kind: more frames follow than a digit says
)

// layout is where the fields of a form lie.
type layout struct {
	magic                     string
	id, number, filling, sum  int // offsets
	idLen, numberLen, closing int
}

var layouts = [...]layout{
	Binary: {magic: magicBinary, id: 3, idLen: 4, number: 7, numberLen: 8, filling: 15, sum: 60},
	Text:   {magic: magicText, id: 3, idLen: 6, number: 9, numberLen: 8, filling: 17, sum: 56, closing: 2},
}

func (f Form) layout() *layout { return &layouts[min(f, Text)] }

// put writes v as n digits of the form's base.
func (f Form) put(b []byte, v uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		if f == Text {
			b[i], v = digits[v%64], v/64
		} else {
			b[i], v = byte(v), v>>8
		}
	}
}

// get reads what put has written; ok is false for what it never writes.
func (f Form) get(b []byte) (v uint64, ok bool) {
	for _, c := range b {
		if f != Text {
			v = v<<8 | uint64(c)
			continue
		}
		d := bytes.IndexByte([]byte(digits), c)
		if d < 0 {
			return 0, false
		}
		v = v<<6 | uint64(d)
	}
	return v, true
}

// Append appends frame n. left is how many frames follow it; -1, or Tail and more: that is not said.
func (s Stream) Append(b []byte, n int64, left int64) []byte {
	l, at := s.Form.layout(), len(b)
	b = append(b, make([]byte, FrameBytes)...)
	f := b[at:]
	copy(f, l.magic)
	f[2] = data
	if left >= 0 && left < Tail {
		f[2] = '0' + byte(left)
	}
	s.Form.put(f[l.id:l.id+l.idLen], uint64(s.ID))
	s.Form.put(f[l.number:l.number+l.numberLen], uint64(n))
	s.fill(f[l.filling:l.sum], uint64(n))
	s.Form.put(f[l.sum:FrameBytes-l.closing], uint64(crc32.ChecksumIEEE(f[:l.sum])))
	if s.Form == Text {
		copy(f[FrameBytes-2:], "\r\n")
	}
	return b
}

// fill makes the filling: splitmix64 of the stream's ID and the frame's number.
func (s Stream) fill(b []byte, n uint64) {
	x := uint64(s.ID)<<32 ^ n*0x9e3779b97f4a7c15
	var w [8]byte
	for i := range b {
		if i%8 == 0 {
			x += 0x9e3779b97f4a7c15
			z := x
			z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
			z = (z ^ z>>27) * 0x94d049bb133111eb
			binary.LittleEndian.PutUint64(w[:], z^z>>31)
		}
		if b[i] = w[i%8]; s.Form == Text {
			b[i] = digits[b[i]%64]
		}
	}
}

// head is what a whole frame says of itself.
type head struct {
	id   uint32
	n    int64
	left int64 // -1: not said
}

// parse reads the frame that b begins with. ok is false unless every byte of it is as it was sent.
func (f Form) parse(b []byte) (h head, ok bool) {
	l := f.layout()
	if len(b) < FrameBytes || b[0] != l.magic[0] || b[1] != l.magic[1] {
		return h, false
	}
	id, ok1 := f.get(b[l.id : l.id+l.idLen])
	n, ok2 := f.get(b[l.number : l.number+l.numberLen])
	if !ok1 || !ok2 || id > 1<<32-1 || n >= maxFrames {
		return h, false
	}
	h = head{uint32(id), int64(n), -1}
	if k := b[2] - '0'; k < Tail {
		h.left = int64(k)
	}
	var whole [FrameBytes]byte
	return h, bytes.Equal(Stream{h.id, f}.Append(whole[:0], h.n, h.left), b[:FrameBytes])
}

// maxFrames bounds the number of a frame: 64 of its digits' 2^48 bytes.
const maxFrames = 1 << 42
