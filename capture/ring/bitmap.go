// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// bitmap is one bit for each page, in a file. Only a table of counts is kept in memory.
type bitmap struct {
	r               sized
	at              int64 // in the file, bytes
	n               uint64
	before          []uint64 // set bits before each leaf
	count           uint64   // set bits
	dataAt, dataEnd int64    // the stretch of data of the file that was seen last
	leaf            int      // which is in words; -1: none
	words           [leafBytes / 8]uint64
	raw             [leafBytes]byte
}

const (
	leafBytes = 4096
	leafBits  = leafBytes * 8
)

// newBitmap looks at a bitmap of n bits. counted: rank will be asked.
func newBitmap(ctx context.Context, r sized, at int64, n uint64, counted bool) (*bitmap, error) {
	b := &bitmap{r: r, at: at, n: n, leaf: -1}
	if !counted {
		return b, nil
	}
	leaves := int((n + leafBits - 1) / leafBits)
	b.before = make([]uint64, leaves) // the bitmap is in the file
	for i := range leaves {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		b.before[i] = b.count
		if b.hole(i) {
			continue
		}
		if err := b.load(i); err != nil {
			return nil, err
		}
		for _, w := range b.words {
			b.count += uint64(bits.OnesCount64(w))
		}
	}
	return b, nil
}

// hole says that the file has nothing where a leaf is: its bits are zero.
func (b *bitmap) hole(leaf int) bool {
	sparse, ok := b.r.(extents)
	if !ok {
		return false
	}
	at := b.at + int64(leaf)*leafBytes
	if at >= b.dataEnd {
		start, end, ok := sparse.next(at)
		if !ok {
			start, end = math.MaxInt64, math.MaxInt64
		}
		b.dataAt, b.dataEnd = start, end
	}
	return at+leafBytes <= b.dataAt
}

// load reads a leaf. Bits after the last one are zero.
func (b *bitmap) load(leaf int) error {
	if leaf == b.leaf {
		return nil
	}
	b.leaf = -1
	at := uint64(leaf) * leafBytes
	size := min(leafBytes, (b.n+7)/8-at)
	clear(b.raw[:])
	if _, err := readFull(b.r, b.raw[:size], uint64(b.at)+at); err != nil {
		return fmt.Errorf("read bitmap: %w", err)
	}
	for i := range b.words {
		b.words[i] = binary.LittleEndian.Uint64(b.raw[i*8:])
	}
	if end := b.n - at*8; end < leafBits {
		b.words[end/64] &= 1<<(end%64) - 1
		clear(b.words[end/64+1:])
	}
	b.leaf = leaf
	return nil
}

// get is bit i.
func (b *bitmap) get(i uint64) (bool, error) {
	if i >= b.n {
		return false, nil
	}
	if err := b.load(int(i / leafBits)); err != nil {
		return false, err
	}
	return b.words[i%leafBits/64]>>(i%64)&1 != 0, nil
}

// rank counts the set bits before bit i.
func (b *bitmap) rank(i uint64) (uint64, error) {
	if i >= b.n {
		return b.count, nil
	}
	leaf := i / leafBits
	if err := b.load(int(leaf)); err != nil {
		return 0, err
	}
	n := b.before[leaf]
	word := i % leafBits / 64
	for _, w := range b.words[:word] {
		n += uint64(bits.OnesCount64(w))
	}
	return n + uint64(bits.OnesCount64(b.words[word]&(1<<(i%64)-1))), nil
}

// stretch is the first run of set bits in [from, to); it may end early. ok is false if there is none, or if the bitmap cannot be read.
func (b *bitmap) stretch(from, to uint64) (start, end uint64, ok bool) {
	for to = min(to, b.n); from < to; {
		leaf := from / leafBits
		after := b.count
		if leaf+1 < uint64(len(b.before)) {
			after = b.before[leaf+1]
		}
		if after == b.before[leaf] {
			from = (leaf + 1) * leafBits
			continue
		}
		if b.load(int(leaf)) != nil {
			return 0, 0, false
		}
		last := min(to, (leaf+1)*leafBits)
		for ; from < last; from++ {
			if set, _ := b.get(from); set {
				break
			}
		}
		if from == last {
			continue
		}
		for end = from; end < last; end++ {
			if set, _ := b.get(end); !set {
				break
			}
		}
		return from, end, true
	}
	return 0, 0, false
}
