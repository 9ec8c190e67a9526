// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// Core is a machine's physical memory in segments: an ELF64 core (/proc/vmcore, `makedumpfile -E`, QEMU's dump-guest-memory, the ring.elf
// of this package) or a LiME file.
type Core struct {
	r       io.ReaderAt
	c       io.Closer
	machine uint16 // e_machine; 0: not told
	file    int64  // size of the file, bytes
	segs    []segment
	reach   []uint64  // physical end of the segments up to each
	virt    []segment // those with a virtual address, in its order
	virtTo  []uint64  // virtual end of those up to each
	search  []segment // each stretch of the file once
	note    []byte    // text of the VMCOREINFO note, nil if there is none
	cut     string    // what is missing at the end of a truncated file
}

// segment is one PT_LOAD, or what of one has no bytes in the file.
type segment struct {
	virt, phys, off, size uint64
	zero                  bool
}

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
	c.c = f
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
	c.machine = binary.LittleEndian.Uint16(h[18:])
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
func (c *Core) Size() int64 { return int64(c.reach[len(c.reach)-1]) } // at most maxPhys

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
		if s.zero {
			clear(p[n : n+m])
			n += m
			continue
		}
		m, err := c.r.ReadAt(p[n:n+m], int64(s.off+in))
		if n += m; err != nil && (m == 0 || !errors.Is(err, io.EOF)) {
			return n, fmt.Errorf("read core at byte 0x%x: %w", s.off+in, err)
		}
	}
	return n, nil
}

// VMCoreInfo gives the text of the kernel whose log is read.
func (c *Core) VMCoreInfo(ctx context.Context) (*VMCoreInfo, error) {
	k, err := c.dump().choose(ctx)
	if err != nil {
		return nil, err
	}
	return k.rd.info, nil
}

// Open finds the ringbuffer in the core.
func (c *Core) Open(ctx context.Context) (*Reader, error) { return c.dump().Open(ctx) }

// Log reads the whole ringbuffer of the core, and the consoles beside it.
func (c *Core) Log(ctx context.Context) (*Log, error) { return c.dump().Log(ctx) }

func (c *Core) dump() *Dump {
	return &Dump{kind: "ELF core", mem: c, note: c.note, cut: c.cut}
}
