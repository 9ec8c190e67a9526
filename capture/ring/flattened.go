// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"
)

// flattened is a dump that was written to a pipe (makedumpfile -F, QEMU): pieces with the place where each belongs. It reads as the file that
// they make; where pieces overlap the later one counts.
type flattened struct {
	r      sized
	pieces []piece // by off, disjoint
	cut    string  // what is missing at the end
}

// piece is a stretch of the file.
type piece struct {
	off, at, n int64 // place in the file that they make, place in the flattened one, bytes
}

const (
	flatMagic  = "makedumpfile\x00"
	flatHeader = 4096 // MAX_SIZE_MDF_HEADER
	// maxPieces bounds the memory that the index takes.
	maxPieces = 2 << 20
)

func newFlattened(ctx context.Context, r sized) (*flattened, error) {
	h := make([]byte, 32)
	if n, err := r.ReadAt(h, 0); n < len(h) {
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		return nil, fmt.Errorf("the file ends at byte %d, inside the header of a flattened dump: copy it again", n)
	}
	kind, version := binary.BigEndian.Uint64(h[16:]), binary.BigEndian.Uint64(h[24:])
	if kind != 1 || version != 1 {
		return nil, fmt.Errorf("a flattened dump of type %d, version %d: only 1 and 1 are known", kind, version)
	}
	f := &flattened{r: r}
	if err := f.index(ctx); err != nil {
		return nil, err
	}
	if len(f.pieces) == 0 {
		return nil, errors.New("a flattened dump without any data: " + f.cut)
	}
	sort.SliceStable(f.pieces, func(i, j int) bool { return f.pieces[i].off < f.pieces[j].off })
	f.disjoin()
	return f, nil
}

// index collects the pieces.
func (f *flattened) index(ctx context.Context) error {
	size := f.r.Size()
	buf := make([]byte, 64<<10) // pieces may be small
	var have []byte
	from := int64(0)
	for at := int64(flatHeader); ; {
		if len(f.pieces)%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if at < from || at+16 > from+int64(len(have)) {
			n, err := f.r.ReadAt(buf[:min(int64(len(buf)), max(size-at, 0))], at)
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			if have, from = buf[:n], at; n < 16 {
				f.cut = fmt.Sprintf("the flattened dump ends at byte %d without its end mark: truncated, copy it again", size)
				return nil
			}
		}
		h := have[at-from:]
		off, n := int64(binary.BigEndian.Uint64(h)), int64(binary.BigEndian.Uint64(h[8:]))
		at += 16
		switch {
		case off == -1 && n == -1:
			return nil
		case off < 0 || n <= 0 || off+n < off:
			return fmt.Errorf("the piece at byte %d of the flattened dump has %d bytes for byte %d: that cannot be", at-16, n, off)
		case len(f.pieces) == maxPieces:
			return fmt.Errorf("a flattened dump of more than %d pieces: rearrange it with `makedumpfile -R vmcore < FILE`", maxPieces)
		}
		f.pieces = append(f.pieces, piece{off: off, at: at, n: min(n, max(size-at, 0))})
		if n > size-at {
			f.cut = fmt.Sprintf("the flattened dump ends at byte %d, inside a piece of %d bytes: truncated, copy it again", size, n)
			return nil
		}
		at += n
	}
}

// later is a heap of pieces, the last one in the file first.
type later []piece

func (l later) Len() int           { return len(l) }
func (l later) Less(i, j int) bool { return l[i].at > l[j].at }
func (l later) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l *later) Push(x any)        { *l = append(*l, x.(piece)) }
func (l *later) Pop() any {
	old := *l
	x := old[len(old)-1]
	*l = old[:len(old)-1]
	return x
}

// disjoin cuts off what a later piece has overwritten.
func (f *flattened) disjoin() {
	overlap := false
	for i := 1; i < len(f.pieces) && !overlap; i++ {
		overlap = f.pieces[i].off < f.pieces[i-1].off+f.pieces[i-1].n
	}
	if !overlap {
		return
	}
	var out []piece
	var open later
	all := f.pieces
	for pos := int64(0); len(all) > 0 || len(open) > 0; {
		if len(open) == 0 {
			pos = all[0].off
		}
		for len(all) > 0 && all[0].off <= pos {
			heap.Push(&open, all[0])
			all = all[1:]
		}
		top := open[0]
		if top.off+top.n <= pos {
			heap.Pop(&open)
			continue
		}
		end := top.off + top.n
		if len(all) > 0 {
			end = min(end, all[0].off)
		}
		in := pos - top.off
		if last := len(out) - 1; last >= 0 && out[last].off+out[last].n == pos && out[last].at+out[last].n == top.at+in {
			out[last].n += end - pos
		} else {
			out = append(out, piece{off: pos, at: top.at + in, n: end - pos})
		}
		pos = end
	}
	f.pieces = out
}

// Size is the size of the file that the pieces make, bytes.
func (f *flattened) Size() int64 {
	last := f.pieces[len(f.pieces)-1]
	return last.off + last.n
}

// find gives the first piece that ends after off.
func (f *flattened) find(off int64) int {
	return sort.Search(len(f.pieces), func(i int) bool { return f.pieces[i].off+f.pieces[i].n > off })
}

// ReadAt reads the file that the pieces make. Between them it is zero.
func (f *flattened) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	for i := f.find(off); n < len(b) && i < len(f.pieces); {
		p, at := f.pieces[i], off+int64(n)
		if at < p.off {
			m := min(int64(len(b)-n), p.off-at)
			clear(b[n : n+int(m)])
			n += int(m)
			continue
		}
		m := int(min(int64(len(b)-n), p.off+p.n-at))
		got, err := f.r.ReadAt(b[n:n+m], p.at+at-p.off)
		if n += got; got < m {
			return n, err
		}
		i++
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// next leaves out what no piece has.
func (f *flattened) next(off int64) (start, end int64, ok bool) {
	i := f.find(off)
	if i == len(f.pieces) {
		return 0, 0, false
	}
	return max(off, f.pieces[i].off), f.pieces[i].off + f.pieces[i].n, true
}

// isFlattened tells it by its first bytes.
func isFlattened(head []byte) bool { return bytes.HasPrefix(head, []byte(flatMagic)) }
