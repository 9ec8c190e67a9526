// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"io"
)

// movedRAM is RAM as it is, of a machine whose RAM does not begin at physical address 0.
type movedRAM struct {
	mem  sized
	base int64
}

func (m *movedRAM) Size() int64 { return m.base + m.mem.Size() }

func (m *movedRAM) ReadAt(p []byte, off int64) (int, error) {
	if off < m.base {
		return 0, io.EOF
	}
	return m.mem.ReadAt(p, off-m.base)
}

func (m *movedRAM) next(off int64) (start, end int64, ok bool) {
	off = max(off, m.base)
	sparse, isSparse := m.mem.(extents)
	if !isSparse {
		return off, m.Size(), off < m.Size()
	}
	start, end, ok = sparse.next(off - m.base)
	return start + m.base, end + m.base, ok
}

// ramBases are where the RAM of a kernel's machine may begin: riscv64 says it, of arm64 machines most begin at 1 or 2 GiB.
func ramBases(info *VMCoreInfo) []int64 {
	if base, ok := info.Number("NUMBER(phys_ram_base)"); ok && base > 0 && base < maxPhys {
		return []int64{int64(base)}
	}
	if _, ok := info.Number("NUMBER(kimage_voffset)"); !ok {
		return nil
	}
	bases := []int64{1 << 30, 2 << 30}
	if base, ok := info.Number("NUMBER(PHYS_OFFSET)"); ok && base > 0 && base < maxPhys {
		bases = append(bases, int64(base))
	}
	return bases
}

// tryMoved is tryKernel for RAM as it is, wherever it may begin. What c failed with stays the error.
func (d *Dump) tryMoved(ctx context.Context, c Candidate) (*kernel, error) {
	if d.kind != rawRAM {
		return nil, c.Err
	}
	for _, base := range ramBases(c.Info) {
		if k, err := readKernel(ctx, &movedRAM{d.mem, base}, c.Info, c.Offset+base); err == nil {
			return k, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, c.Err
}
