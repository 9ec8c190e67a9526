// SPDX-License-Identifier: Apache-2.0

package pattern

import "math/rand/v2"

// NewStream is a stream that no other has been.
func NewStream(f Form) Stream { return Stream{rand.Uint32(), f} }

// Frames is how many frames make n bytes: at least the Tail, rounded up.
func Frames(n int64) int64 { return max(Tail, (n+FrameBytes-1)/FrameBytes) }

// Writer makes a stream, one frame after the other.
type Writer struct {
	stream Stream
	n      int64
	total  int64 // -1: not known yet
}

// Writer makes the stream from its beginning on. frames is how many there will be; below 0: until End.
func (s Stream) Writer(frames int64) *Writer { return &Writer{stream: s, total: frames} }

// End lets the stream end as soon as it can: after Tail more frames.
func (w *Writer) End() {
	if w.total < 0 || w.total > w.n+Tail {
		w.total = w.n + Tail
	}
}

// Next appends up to frames more of the stream; nothing after its end.
func (w *Writer) Next(b []byte, frames int) []byte {
	for ; frames > 0 && (w.total < 0 || w.n < w.total); frames-- {
		left := int64(-1)
		if w.total >= 0 {
			left = w.total - 1 - w.n
		}
		b = w.stream.Append(b, w.n, left)
		w.n++
	}
	return b
}

// Made is how many frames were made.
func (w *Writer) Made() int64 { return w.n }

// Over says that the last one was.
func (w *Writer) Over() bool { return w.n == w.total }
