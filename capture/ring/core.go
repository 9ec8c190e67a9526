package ring

import (
	"bytes"
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

// Bounds on what an ELF header may claim.
const (
	maxSegments = 1 << 16
	maxNotes    = 16 << 20 // bytes: a PRSTATUS note for each of some ten thousand CPUs
)

const (
	ehdrSize, phdrSize, shdrSize = 64, 56, 64
	machineX86                   = 62 // EM_X86_64
	typeCore                     = 4  // ET_CORE
	ptLoad, ptNote               = 1, 4
	pnXNum                       = 0xffff // e_phnum when the real number is in section 0
	vmcoreinfoNote               = "VMCOREINFO"
)

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

// foreign recognises what is not an x86_64 ELF64 core and says how to get one.
func foreign(h []byte) error {
	for _, k := range []struct{ magic, what string }{
		{"KDUMP   ", "a kdump-compressed dump: print its log with `makedumpfile --dump-dmesg`, or dump again as ELF (`makedumpfile -E`; QEMU: dump-guest-memory without a format)"},
		{"DISKDUMP", "a diskdump file: print its log with `makedumpfile --dump-dmesg`"},
		{"makedumpfile", "a flattened dump: rearrange it with `makedumpfile -R vmcore < flattened`, then read that"},
		{"\x1f\x8b", "gzip data: unpack it first"},
		{"\xfd7zXZ", "xz data: unpack it first"},
		{"\x28\xb5\x2f\xfd", "zstd data: unpack it first"},
		{"QFI\xfb", "a qcow2 image, not a dump: take one with dump-guest-memory"},
		{"MDMP", "a minidump, not a Linux vmcore"},
		{"PAGEDU", "a Windows dump: use dump-guest-memory without the win-dmp format"},
	} {
		if bytes.HasPrefix(h, []byte(k.magic)) {
			return errors.New(k.what)
		}
	}
	switch {
	case len(h) == 0:
		return errors.New("the file is empty")
	case !bytes.HasPrefix(h, []byte("\x7fELF")):
		return fmt.Errorf("not an ELF file (it begins %q): wanted is an ELF64 vmcore, or a RAM file given as such", h[:min(len(h), 8)])
	case len(h) < 20:
		return fmt.Errorf("the file ends at byte %d, inside the ELF header: copy it again", len(h))
	case h[4] != 2:
		return errors.New("an ELF32 file: only 64-bit machines are supported")
	case h[5] != 1:
		return errors.New("a big-endian ELF file: only x86_64 is supported")
	}
	if t := binary.LittleEndian.Uint16(h[16:]); t != typeCore {
		return fmt.Errorf("an ELF file of type %d, not a core (4): a vmlinux or program, not a dump", t)
	}
	if m := binary.LittleEndian.Uint16(h[18:]); m != machineX86 {
		return fmt.Errorf("an ELF core of machine %d: only x86_64 (62) is supported", m)
	}
	return nil
}

// phnum is the number of program headers.
func (c *Core) phnum(h []byte) (uint64, error) {
	if size := binary.LittleEndian.Uint16(h[54:]); size != phdrSize {
		return 0, fmt.Errorf("ELF header: e_phentsize is %d, not %d", size, phdrSize)
	}
	num := uint64(binary.LittleEndian.Uint16(h[56:]))
	if num == pnXNum {
		var s [shdrSize]byte
		at := binary.LittleEndian.Uint64(h[40:])
		if _, err := readFull(c.r, s[:], at); err != nil || at < ehdrSize {
			return 0, fmt.Errorf("ELF header: e_shoff 0x%x: section 0, which has the number of segments, is not in the file", at)
		}
		num = uint64(binary.LittleEndian.Uint32(s[44:])) // sh_info
	}
	if num == 0 || num > maxSegments {
		return 0, fmt.Errorf("ELF header: %d segments, 1 to %d are plausible", num, maxSegments)
	}
	return num, nil
}

func (c *Core) programs(at, num uint64) error {
	size := uint64(c.file)
	if at > size || num*phdrSize > size-at {
		return fmt.Errorf("the file ends at byte %d, inside the program headers (%d at 0x%x): truncated, copy it again", size, num, at)
	}
	b := make([]byte, num*phdrSize)
	if _, err := readFull(c.r, b, at); err != nil {
		return fmt.Errorf("read program headers: %w", err)
	}
	for i := range num {
		p := b[i*phdrSize:]
		u64 := func(off int) uint64 { return binary.LittleEndian.Uint64(p[off:]) }
		s := segment{off: u64(8), virt: u64(16), phys: u64(24), size: u64(32)}
		kind := binary.LittleEndian.Uint32(p)
		if kind != ptLoad && kind != ptNote || s.size == 0 {
			continue
		}
		if s.off+s.size < s.off || s.phys+s.size < s.phys {
			return fmt.Errorf("program header %d: offset 0x%x or p_paddr 0x%x with size 0x%x overflows", i, s.off, s.phys, s.size)
		}
		if s.off >= size || s.size > size-s.off {
			if c.cut == "" {
				c.cut = fmt.Sprintf("the file is truncated: program header %d wants bytes up to %d, the file ends at %d: copy it again", i, s.off+s.size, size)
			}
			if s.size = 0; s.off < size {
				s.size = size - s.off
			}
		}
		if kind == ptLoad {
			c.segs = append(c.segs, s)
		} else if err := c.notes(s.off, s.size); err != nil {
			return fmt.Errorf("program header %d: %w", i, err)
		}
	}
	if len(c.segs) == 0 {
		if c.cut != "" {
			return errors.New(c.cut)
		}
		return errors.New("no PT_LOAD segment: there is no memory in this core")
	}
	sort.SliceStable(c.segs, func(i, j int) bool { return c.segs[i].phys < c.segs[j].phys })
	return nil
}

// notes looks for VMCOREINFO.
func (c *Core) notes(at, size uint64) error {
	if size > maxNotes {
		return fmt.Errorf("%d bytes of notes, at most %d are plausible", size, maxNotes)
	}
	b := make([]byte, size)
	if _, err := readFull(c.r, b, at); err != nil {
		return fmt.Errorf("read notes: %w", err)
	}
	for len(b) >= 12 {
		namesz := uint64(binary.LittleEndian.Uint32(b))
		descsz := uint64(binary.LittleEndian.Uint32(b[4:]))
		name := b[12:]
		end := (namesz+3)&^3 + (descsz+3)&^3
		if end > uint64(len(name)) {
			return nil // the last note of a truncated file; what matters may be in memory still
		}
		desc := name[(namesz+3)&^3:][:descsz]
		if string(bytes.TrimRight(name[:namesz], "\x00")) == vmcoreinfoNote && c.note == nil {
			c.note = desc
		}
		b = name[end:]
	}
	return nil
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

// Size is the physical address behind the last segment, bytes.
func (c *Core) Size() int64 {
	var end uint64
	for _, s := range c.segs {
		end = max(end, s.phys+s.size)
	}
	return int64(min(end, 1<<62))
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
		if n += m; err != nil && !(errors.Is(err, io.EOF) && m > 0) {
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

// Log reads the whole ringbuffer of the core.
func (c *Core) Log(ctx context.Context) (*Log, error) {
	r, err := c.Open(ctx)
	if err != nil {
		return nil, err
	}
	return r.Log(ctx)
}
