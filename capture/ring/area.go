// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"fmt"
	"sort"
)

// area is one array of the ringbuffer in memory, translated once. With buf it is a private copy.
type area struct {
	name  string
	vaddr uint64
	size  uint64 // bytes
	runs  []run
	sp    *space
	buf   []byte
}

// run is a physically contiguous part of an area.
type run struct{ off, phys, n uint64 }

// holder is memory in a container that may have less than it claims.
type holder interface {
	held() int64 // bytes that are in the file
}

// zeros is how much more of an array than of all memory may be zero and not in the file.
const zeros = 8

// newArea translates an array. Nothing in a memory can be larger than the memory, nor much larger than what the file has of it: that bounds
// all work on hostile input.
func (s *space) newArea(ctx context.Context, name string, vaddr, size uint64) (*area, error) {
	if h, ok := s.mem.(holder); ok && size > 1<<20+zeros*uint64(h.held()) {
		return nil, fmt.Errorf("%s at 0x%x: %d bytes, the file has %d of memory", name, vaddr, size, h.held())
	}
	if size > uint64(s.size) {
		return nil, fmt.Errorf("%s at 0x%x: %d bytes do not fit a memory of %d", name, vaddr, size, s.size)
	}
	if vaddr+size < vaddr {
		return nil, fmt.Errorf("%s at 0x%x: %d bytes go beyond the end of addresses", name, vaddr, size)
	}
	a := &area{name: name, vaddr: vaddr, size: size, sp: s}
	for off := uint64(0); off < size; {
		if len(a.runs)%1024 == 1023 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		phys, left, err := s.phys(vaddr + off)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		n := min(left, size-off)
		if last := len(a.runs) - 1; last >= 0 && a.runs[last].phys+a.runs[last].n == phys {
			a.runs[last].n += n
		} else {
			a.runs = append(a.runs, run{off: off, phys: phys, n: n})
		}
		off += n
	}
	return a, nil
}

// read fills b from offset off.
func (a *area) read(b []byte, off uint64) error {
	if off > a.size || uint64(len(b)) > a.size-off {
		return fmt.Errorf("%s: offset %d+%d is outside its %d bytes", a.name, off, len(b), a.size)
	}
	if a.buf != nil {
		copy(b, a.buf[off:])
		return nil
	}
	i := sort.Search(len(a.runs), func(i int) bool { return a.runs[i].off+a.runs[i].n > off })
	for len(b) > 0 {
		r := a.runs[i]
		n := min(uint64(len(b)), r.off+r.n-off)
		if _, err := readFull(a.sp.mem, b[:n], r.phys+off-r.off); err != nil {
			return fmt.Errorf("%s offset %d (kernel address 0x%x): %w", a.name, off, a.vaddr+off, err)
		}
		b, off, i = b[n:], off+n, i+1
	}
	return nil
}

// bytes gives n bytes at off: a part of the private copy, or a new slice.
func (a *area) bytes(off, n uint64) ([]byte, error) {
	if a.buf != nil && off <= a.size && n <= a.size-off {
		return a.buf[off : off+n : off+n], nil
	}
	b := make([]byte, n)
	return b, a.read(b, off)
}

// copied gives a private copy, read now.
func (a *area) copied() (*area, error) {
	c := *a
	c.buf = nil
	b := make([]byte, a.size)
	if err := c.read(b, 0); err != nil {
		return nil, err
	}
	c.buf = b
	return &c, nil
}
