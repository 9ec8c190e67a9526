// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"
)

// blockBytes bounds one block of the log. A block also ends when its times no
// longer fit 32 bits of ns (4.29 s) after its first byte. Memory is 5 bytes
// for each byte of wire.
const blockBytes = 1 << 14

type block struct {
	off  int64 // offset of data[0]
	base int64 // ns of data[0]
	data []byte
	ends []uint32 // ns after base; nil without a clock
}

// ErrClosed is returned by waits on a log that ended before they came true.
var ErrClosed = errors.New("the capture has ended")

// ErrDropped is returned for bytes that a log with a bounded memory let go.
var ErrDropped = errors.New("bytes no longer held in memory")

// Log is an append-only log of bytes and the time at which each one ended.
// One goroutine appends; any number may read at the same time. A reader can
// be as slow as it likes, it costs the writer nothing.
type Log struct {
	clock Clock
	frame Frame

	mu     sync.RWMutex
	blocks []block
	start  int64 // first offset still held
	n      int64 // offset after the last byte
	last   int64 // time of the last byte or mark
	marks  []Mark
	keep   int64
	grown  chan struct{} // closed at the next append; nil: nobody waits
	spare  block         // was let go: its memory is the next block's
	closed bool
	cause  error
}

// NewLog returns an empty log.
func NewLog(clock Clock, frame Frame) *Log {
	return &Log{clock: clock, frame: frame}
}

// heldMarks bounds the marks of a log with a bounded memory.
const heldMarks = 4096

// SetKeep bounds the memory of the log to about the newest n bytes and a few
// thousand marks; 0 keeps all. It is for captures that run for days, whose
// bytes are on disk.
func (l *Log) SetKeep(n int64) {
	l.mu.Lock()
	l.keep = n
	l.mu.Unlock()
}

// Clock names the clock of the log's times.
func (l *Log) Clock() Clock { return l.clock }

// Frame is the line setting of the capture.
func (l *Log) Frame() Frame { return l.frame }

// Append adds bytes with their end times. len(ends) is len(data) for a time
// per byte, 1 for a chunk of which only the arrival is known, or 0 on a log
// without a clock. Times never run backwards: an earlier one is an error and
// nothing is appended, because a clock that jumped is a void capture.
func (l *Log) Append(data []byte, ends ...int64) error {
	if len(data) == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return fmt.Errorf("append to wire log at %d: %w", l.n, ErrClosed)
	}
	if err := checkTimes(l.clock, l.n, l.last, len(data), ends); err != nil {
		return err
	}
	if len(ends) == 0 {
		l.add(data, nil)
	} else {
		l.last = ends[len(ends)-1]
		l.add(data, ends)
	}
	l.wake()
	return nil
}

func checkTimes(clock Clock, off, last int64, n int, ends []int64) error {
	want := len(ends) == n || len(ends) == 1
	if clock == NoClock {
		want = len(ends) == 0
	}
	if !want {
		return fmt.Errorf("append to wire log at %d: %d times for %d bytes on clock %q", off, len(ends), n, clock)
	}
	for i, t := range ends {
		if t < last {
			return fmt.Errorf("append to wire log at %d: clock ran back from %d to %d ns", off+int64(i), last, t)
		}
		last = t
	}
	return nil
}

// add stores bytes; ends is nil, one time for all, or one for each.
func (l *Log) add(data []byte, ends []int64) {
	for i := 0; i < len(data); {
		var t int64
		if ends != nil {
			t = ends[min(i, len(ends)-1)]
		}
		b := l.room(t, len(data)-i)
		k := min(len(data)-i, blockBytes-len(b.data))
		if ends != nil {
			b.ends = slices.Grow(b.ends, k)
			for j := 0; j < k; j++ {
				d := ends[min(i+j, len(ends)-1)] - b.base
				if d >= 1<<32 {
					k = j // at least 1: room() made the first one fit
					break
				}
				b.ends = append(b.ends, uint32(d))
			}
		}
		b.data = append(b.data, data[i:i+k]...)
		l.n += int64(k)
		i += k
	}
	for l.keep > 0 && len(l.blocks) > 1 && l.n-l.blocks[1].off >= l.keep {
		l.spare = l.blocks[0]
		l.blocks = append(l.blocks[:0], l.blocks[1:]...)
		l.start = l.blocks[0].off
	}
}

func (l *Log) room(t int64, n int) *block {
	if k := len(l.blocks); k > 0 {
		b := &l.blocks[k-1]
		if len(b.data) < blockBytes && t-b.base < 1<<32 {
			return b
		}
	}
	b := block{off: l.n, base: t, data: l.spare.data[:0], ends: l.spare.ends[:0]}
	if l.spare = (block{}); b.data == nil {
		b.data = make([]byte, 0, min(n, blockBytes))
	}
	l.blocks = append(l.blocks, b)
	return &l.blocks[len(l.blocks)-1]
}

// AddMark notes an event before the next byte. Off is set by the log.
func (l *Log) AddMark(kind MarkKind, ns int64, count uint64) (Mark, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return Mark{}, fmt.Errorf("mark %v in wire log at %d: %w", kind, l.n, ErrClosed)
	}
	if ns < l.last {
		return Mark{}, fmt.Errorf("mark %v in wire log at %d: clock ran back from %d to %d ns", kind, l.n, l.last, ns)
	}
	l.last = ns
	m := Mark{Off: l.n, NS: ns, Kind: kind, Count: count}
	l.marks = append(l.marks, m)
	if l.keep > 0 && len(l.marks) > 2*heldMarks {
		l.marks = append([]Mark(nil), l.marks[heldMarks:]...)
	}
	l.wake()
	return m, nil
}

// Close ends the log. Waits that did not come true return an error that wraps
// ErrClosed and cause.
func (l *Log) Close(cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed, l.cause = true, cause
	l.wake()
}

func (l *Log) wake() {
	if l.grown != nil {
		close(l.grown)
		l.grown = nil
	}
}

// Len is the number of bytes appended so far, which is also the offset of the
// next one.
func (l *Log) Len() int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.n
}

// Start is the offset of the oldest byte still held; 0 unless SetKeep was used.
func (l *Log) Start() int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.start
}

// Marks returns a copy of all marks in order, or of the newest when SetKeep was used.
func (l *Log) Marks() []Mark {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return append([]Mark(nil), l.marks...)
}

// Bytes returns a copy of the bytes [from, to), cut to what the log holds.
func (l *Log) Bytes(from, to int64) []byte {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.bytes(max(from, l.start), to)
}

// From returns a copy of at most n bytes from the offset on, and how many
// before them are no longer held.
func (l *Log) From(from int64, n int) (data []byte, missed int64) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	missed = max(0, l.start-from)
	return l.bytes(from+missed, from+missed+int64(n)), missed
}

// held is Bytes for a reader that must not miss one.
func (l *Log) held(from, to int64) ([]byte, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if from < l.start {
		return nil, fmt.Errorf("read wire bytes [%d, %d): %w", from, l.start, ErrDropped)
	}
	return l.bytes(from, to), nil
}

func (l *Log) bytes(from, to int64) []byte {
	to = min(to, l.n)
	if from >= to {
		return nil
	}
	out := make([]byte, 0, to-from)
	for i := l.find(from); i < len(l.blocks) && l.blocks[i].off < to; i++ {
		b := &l.blocks[i]
		lo := max(from-b.off, 0)
		hi := min(to-b.off, int64(len(b.data)))
		out = append(out, b.data[lo:hi]...)
	}
	return out
}

// TimeAt is the end time of the byte at off, in ns. It is false when the log
// has no such byte or no time for it.
func (l *Log) TimeAt(off int64) (int64, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.timeAt(off)
}

func (l *Log) timeAt(off int64) (int64, bool) {
	if off < l.start || off >= l.n {
		return 0, false
	}
	b := &l.blocks[l.find(off)]
	if i := off - b.off; i < int64(len(b.ends)) {
		return b.base + int64(b.ends[i]), true
	}
	return 0, false
}

// OffsetAt is the number of bytes that had ended at ns (inclusive). Bytes
// without a time are not counted.
func (l *Log) OffsetAt(ns int64) int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	i := sort.Search(len(l.blocks), func(i int) bool {
		b := &l.blocks[i]
		return len(b.ends) == 0 || b.base > ns
	})
	if i == 0 {
		return l.start
	}
	b := &l.blocks[i-1]
	return b.off + int64(sort.Search(len(b.ends), func(k int) bool { return b.base+int64(b.ends[k]) > ns }))
}

// find is the index of the block that holds off, start <= off < n.
func (l *Log) find(off int64) int {
	return sort.Search(len(l.blocks), func(i int) bool { return l.blocks[i].off > off }) - 1
}

// Wait returns when the log holds at least n bytes, or with an error when ctx
// ends or the log is closed before that.
func (l *Log) Wait(ctx context.Context, n int64) error {
	for {
		have, closed, cause, grown := l.state()
		if have >= n {
			return nil
		}
		if closed {
			return fmt.Errorf("wait for byte %d of the wire, have %d: %w", n, have, closeErr(cause))
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return fmt.Errorf("wait for byte %d of the wire, have %d: %w", n, have, context.Cause(ctx))
		}
	}
}

func (l *Log) state() (n int64, closed bool, cause error, grown <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.grown == nil {
		l.grown = make(chan struct{})
	}
	return l.n, l.closed, l.cause, l.grown
}

func closeErr(cause error) error {
	if cause == nil {
		return ErrClosed
	}
	return fmt.Errorf("%w: %w", ErrClosed, cause)
}

// Rate is the rate of the bytes [from, to) in bytes/s: n-1 frames between the
// end of the first and the end of the last. It is false without times, for less
// than two bytes, and where they all have one time (one read of a real port).
func (l *Log) Rate(from, to int64) (float64, bool) {
	a, ok1 := l.TimeAt(from)
	b, ok2 := l.TimeAt(to - 1)
	if !ok1 || !ok2 || b <= a {
		return 0, false
	}
	return float64(to-1-from) * 1e9 / float64(b-a), true
}
