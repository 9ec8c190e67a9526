// SPDX-License-Identifier: Apache-2.0

package port

import (
	"bytes"
	"slices"

	"lastpage/capture/wire"
)

// piece is what lay between two others on the line: bytes, or a mark at its place.
type piece struct {
	data  []byte
	kind  wire.MarkKind // 0: bytes
	count uint64
}

// parmrk reads what a tty with PARMRK and INPCK says (termios(3)): ff ff is the byte ff, ff 00 00 a BREAK, ff 00 c the byte c with an error.
// Everything else is itself: a byte ff that lay in the tty before it was set up is not doubled.
type parmrk struct {
	state  int           // bytes of a sequence that were read
	errors wire.MarkKind // what an error is called on this line: framing without parity bits
	out    []piece       // memory of the last answer
	bytes  []byte        // likewise
}

// decode gives what lies in b. That is valid until the next call, and as long as b is.
func (p *parmrk) decode(b []byte) (out []piece) {
	out = p.out[:0]
	defer func() { p.out = out }()
	if p.state == 0 && bytes.IndexByte(b, 0xff) < 0 {
		if len(b) > 0 {
			out = append(out, piece{data: b})
		}
		return out
	}
	p.bytes = slices.Grow(p.bytes[:0], len(b)+1) // an ff that waited may be one more
	data := p.bytes
	mark := func(k wire.MarkKind) {
		if len(data) > 0 {
			out, data = append(out, piece{data: data}), data[len(data):]
		}
		out = append(out, piece{kind: k})
	}
	for _, c := range b {
		switch {
		case p.state == 0 && c == 0xff:
			p.state = 1
		case p.state == 0:
			data = append(data, c)
		case p.state == 1 && c == 0:
			p.state = 2
		case p.state == 1:
			p.state = 0
			data = append(data, 0xff)
			if c != 0xff {
				data = append(data, c)
			}
		case c == 0:
			p.state = 0
			mark(wire.MarkBreak)
		default:
			p.state = 0
			mark(p.errors)
			data = append(data, c)
		}
	}
	if len(data) > 0 {
		out = append(out, piece{data: data})
	}
	return out
}
