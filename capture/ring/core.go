// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
)

// Core is an ELF64 core of a machine's physical memory: /proc/vmcore, `makedumpfile -E`, QEMU's dump-guest-memory, or the ring.elf
// of this package. It reads as guest physical memory.
type Core struct {
	r    io.ReaderAt
	c    io.Closer
	name string
	file int64 // size of the file, bytes
	segs []segment
	note []byte // text of the VMCOREINFO note, nil if there is none
	cut  string // what is missing at the end of a truncated file
}

// segment is one PT_LOAD.
type segment struct{ virt, phys, off, size uint64 }

// OpenCore opens a core file. What it cannot read it names, with the way out.
func OpenCore(path string) (*Core, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open vmcore: %w", err)
	}
	st, err := f.Stat()
	if err == nil && st.IsDir() {
		err = errors.New("it is a directory")
	}
	var c *Core
	if err == nil {
		c, err = NewCore(f, st.Size())
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open vmcore %s: %w", path, err)
	}
	c.c, c.name = f, path
	return c, nil
}

// NewCore reads a core of size bytes from r.
func NewCore(r io.ReaderAt, size int64) (*Core, error) {
	c := &Core{r: r, file: size}
	var h [ehdrSize]byte
	n, err := r.ReadAt(h[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := foreign(h[:n]); err != nil {
		return nil, err
	}
	if n < ehdrSize {
		return nil, fmt.Errorf("the file ends at byte %d, inside the ELF header: copy it again", n)
	}
	num, err := c.phnum(h[:])
	if err != nil {
		return nil, err
	}
	if err := c.programs(binary.LittleEndian.Uint64(h[32:]), num); err != nil {
		return nil, err
	}
	return c, nil
}

// Close closes the file.
func (c *Core) Close() error {
	if c.c == nil {
		return nil
	}
	return c.c.Close()
}

// Truncated tells what is missing of a cut file, "" if nothing.
func (c *Core) Truncated() string { return c.cut }

// Size is the physical address after the last segment, bytes.
func (c *Core) Size() int64 {
	var end uint64
	for _, s := range c.segs {
		end = max(end, s.phys+s.size)
	}
	return int64(end) // at most maxPhys
}

// ReadAt reads guest physical memory. What no segment holds is an error, with the reason if the file was cut.
func (c *Core) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		s, in, ok := c.find(uint64(off) + uint64(n))
		if !ok {
			if c.cut != "" {
				return n, fmt.Errorf("physical 0x%x is not in the core: %s", uint64(off)+uint64(n), c.cut)
			}
			return n, fmt.Errorf("physical 0x%x is not in the core: %w", uint64(off)+uint64(n), io.EOF)
		}
		m := int(min(uint64(len(p)-n), s.size-in))
		m, err := c.r.ReadAt(p[n:n+m], int64(s.off+in))
		if n += m; err != nil && (m == 0 || !errors.Is(err, io.EOF)) {
			return n, fmt.Errorf("read core at byte 0x%x: %w", s.off+in, err)
		}
	}
	return n, nil
}

// find gives the segment that holds a physical address. Segments may overlap (a kdump has the kernel's image twice); the same
// bytes are in both.
func (c *Core) find(phys uint64) (s segment, in uint64, ok bool) {
	i := sort.Search(len(c.segs), func(i int) bool { return c.segs[i].phys > phys })
	for i--; i >= 0; i-- {
		if s = c.segs[i]; phys-s.phys < s.size {
			return s, phys - s.phys, true
		}
	}
	return s, 0, false
}

// next is for the search through a core without a note.
func (c *Core) next(off int64) (start, end int64, ok bool) {
	if s, _, ok := c.find(uint64(off)); ok {
		return off, int64(s.phys + s.size), true
	}
	i := sort.Search(len(c.segs), func(i int) bool { return c.segs[i].phys > uint64(off) && c.segs[i].size > 0 })
	if i == len(c.segs) {
		return 0, 0, false
	}
	return int64(c.segs[i].phys), int64(c.segs[i].phys + c.segs[i].size), true
}

// virtual translates by p_vaddr. Zero means that the writer did not know (QEMU without paging=on).
func (c *Core) virtual(v uint64) (phys, left uint64, ok bool) {
	for _, s := range c.segs {
		if s.virt != 0 && v-s.virt < s.size {
			return s.phys + (v - s.virt), s.size - (v - s.virt), true
		}
	}
	return 0, 0, false
}

// VMCoreInfo gives the note's text, or, without a note, the one found in the core's memory.
func (c *Core) VMCoreInfo(ctx context.Context) (*VMCoreInfo, error) {
	if c.note != nil {
		return ParseVMCoreInfo(c.note)
	}
	info, err := FindVMCoreInfo(ctx, c, c.Size())
	if errors.Is(err, ErrNoVMCoreInfo) && c.cut != "" {
		err = fmt.Errorf("%w; %s", err, c.cut)
	}
	return info, err
}

// Open finds the ringbuffer in the core.
func (c *Core) Open(ctx context.Context) (*Reader, error) {
	info, err := c.VMCoreInfo(ctx)
	if err != nil {
		return nil, err
	}
	r, err := Open(ctx, c, c.Size(), info)
	if err != nil && c.cut != "" && !strings.Contains(err.Error(), c.cut) {
		err = fmt.Errorf("%w; %s", err, c.cut)
	}
	return r, err
}

// Log reads the whole ringbuffer of the core, and the consoles beside it.
func (c *Core) Log(ctx context.Context) (*Log, error) {
	r, err := c.Open(ctx)
	if err != nil {
		return nil, err
	}
	log, err := r.Log(ctx)
	if err != nil {
		return nil, err
	}
	if log.Consoles, err = r.Consoles(ctx); err != nil && ctx.Err() == nil {
		err = nil // the records do not depend on them
	}
	return log, err
}
