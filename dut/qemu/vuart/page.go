// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"lastpage/kernels/plan"
)

// Config is what a page is made for.
type Config struct {
	Base     uint32 // baud at divisor 1; a PC port has 115200, more is a wire that is faster than the guest was told
	Port     uint16
	IRQ      uint8
	Doorbell plan.Doorbell
	Records  int // size of the byte ring, a power of two: how far the harness may be behind
	Events   int // likewise of the event ring
}

// Default is COM1 of a PC with a doorbell. A million records are 91 s of wire at 115200 baud.
func Default() Config {
	return Config{Base: 115200, Port: 0x3f8, IRQ: 4, Doorbell: plan.Doorbell{Port: plan.DoorbellPort}, Records: 1 << 20, Events: 1 << 14}
}

// maxRing bounds the memory a page can ask for: 256 Mi records, 4 GiB.
const maxRing = 1 << 28

// Page is the shared file, mapped. It is used by one goroutine, or by one that drains, one that reads events and one that sends.
type Page struct {
	f      *os.File
	mem    []byte
	h      *header
	recs   []Rec
	events []Event
}

// Create makes a page in a new file.
func Create(path string, c Config) (*Page, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create page: %w", err)
	}
	p, err := Init(f, c)
	if err != nil {
		os.Remove(path)
		return nil, err
	}
	return p, nil
}

// Init makes a page in an empty file, such as a memfd, and owns it from then on.
func Init(f *os.File, c Config) (*Page, error) {
	h, err := newHeader(c)
	if err == nil {
		err = f.Truncate(int64(h.FileSize))
	}
	if err == nil {
		_, err = f.WriteAt((*[unsafe.Sizeof(*h)]byte)(unsafe.Pointer(h))[:], 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("create page: %w", err)
	}
	return Map(f)
}

func newHeader(c Config) (*header, error) {
	for _, n := range []int{c.Records, c.Events} {
		if n < 1 || n > maxRing || n&(n-1) != 0 {
			return nil, fmt.Errorf("ring of %d: not a power of two up to %d", n, maxRing)
		}
	}
	if c.Base == 0 {
		return nil, errors.New("0 baud")
	}
	h := &header{
		Version: pageVersion, HeaderSize: uint32(unsafe.Sizeof(header{})),
		RecsCap: uint32(c.Records), EventsCap: uint32(c.Events),
		RecSize: uint32(unsafe.Sizeof(Rec{})), EventSize: uint32(unsafe.Sizeof(Event{})),
		BaseBaud: c.Base, IOPort: uint32(c.Port), IRQ: uint32(c.IRQ),
	}
	switch {
	case c.Doorbell.Port != 0 && c.Doorbell.Address != 0:
		return nil, fmt.Errorf("doorbell %s: one place", c.Doorbell)
	case c.Doorbell.Port != 0:
		h.DoorbellIs, h.Doorbell = doorbellPort, uint64(c.Doorbell.Port)
	case c.Doorbell.Address != 0:
		h.DoorbellIs, h.Doorbell = doorbellAddress, c.Doorbell.Address
	}
	copy(h.Magic[:], pageMagic)
	h.RecsOff = (uint64(h.HeaderSize) + headerAlign - 1) / headerAlign * headerAlign
	h.EventsOff = h.RecsOff + uint64(h.RecsCap)*uint64(h.RecSize)
	h.EventsOff = (h.EventsOff + headerAlign - 1) / headerAlign * headerAlign
	h.FileSize = h.EventsOff + uint64(h.EventsCap)*uint64(h.EventSize)
	return h, nil
}

// Open maps an existing page.
func Open(path string) (*Page, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open page: %w", err)
	}
	return Map(f)
}

// Map maps a page that was made before, and owns f from then on.
func Map(f *os.File) (*Page, error) {
	p, err := mapped(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open page %s: %w", f.Name(), err)
	}
	return p, nil
}

func mapped(f *os.File) (*Page, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() < int64(unsafe.Sizeof(header{})) || st.Size() > 1<<34 {
		return nil, fmt.Errorf("%d bytes are no page", st.Size())
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	p := &Page{f: f, mem: mem, h: (*header)(unsafe.Pointer(&mem[0]))}
	if err := p.check(uint64(st.Size())); err != nil {
		_ = unix.Munmap(mem)
		return nil, err
	}
	return p, nil
}

// check takes the rings' places from the header once; nothing that is written there later can lead out of the file.
func (p *Page) check(size uint64) error {
	h := p.h
	switch {
	case string(h.Magic[:]) != pageMagic:
		return errors.New("not a page of the UART model")
	case h.Version != pageVersion || h.HeaderSize != uint32(unsafe.Sizeof(*h)) ||
		h.RecSize != uint32(unsafe.Sizeof(Rec{})) || h.EventSize != uint32(unsafe.Sizeof(Event{})):
		return fmt.Errorf("page of version %d, this program knows %d", h.Version, pageVersion)
	case h.FileSize != size:
		return fmt.Errorf("page of %d bytes in a file of %d: truncated?", h.FileSize, size)
	}
	recs, err := ring[Rec](p.mem, h.RecsOff, h.RecsCap, uint64(h.HeaderSize))
	if err != nil {
		return fmt.Errorf("byte ring: %w", err)
	}
	events, err := ring[Event](p.mem, h.EventsOff, h.EventsCap, uint64(h.HeaderSize))
	if err != nil {
		return fmt.Errorf("event ring: %w", err)
	}
	p.recs, p.events = recs, events
	return nil
}

func ring[T any](mem []byte, off uint64, n uint32, after uint64) ([]T, error) {
	var item T
	size := uint64(len(mem))
	if n == 0 || n&(n-1) != 0 || off%64 != 0 || off < after || off >= size || (size-off)/uint64(unsafe.Sizeof(item)) < uint64(n) {
		return nil, fmt.Errorf("%d items at offset %d do not fit %d bytes", n, off, size)
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&mem[off])), n), nil
}

// File is the page's file, to be handed to QEMU.
func (p *Page) File() *os.File { return p.f }

// Close unmaps the page. The file stays.
func (p *Page) Close() error {
	if p.mem == nil {
		return nil
	}
	err := unix.Munmap(p.mem)
	p.mem, p.h, p.recs, p.events = nil, nil, nil, nil
	return errors.Join(err, p.f.Close())
}

// Copy writes a copy of the page into an empty file: the device at this instant. The VM must stand. Records that were already drained
// are left out, so a snapshot costs what is not yet read.
func (p *Page) Copy(f *os.File) error {
	if err := f.Truncate(int64(len(p.mem))); err != nil {
		return fmt.Errorf("copy page: %w", err)
	}
	w := io.NewOffsetWriter(f, 0)
	head := func(v *uint64) uint64 { return atomic.LoadUint64(v) }
	err := errors.Join(
		writeAll(w, p.mem[:p.h.HeaderSize], 0),
		writeRing(w, p.recs, p.h.RecsOff, head(&p.h.RecsTail), head(&p.h.RecsHead)),
		writeRing(w, p.events, p.h.EventsOff, head(&p.h.EventsTail), head(&p.h.EventsHead)))
	if err != nil {
		return fmt.Errorf("copy page: %w", err)
	}
	return nil
}

func writeAll(w io.WriterAt, b []byte, off uint64) error {
	_, err := w.WriteAt(b, int64(off))
	return err
}

// writeRing writes the items from tail to head to where they lie in the page.
func writeRing[T any](w io.WriterAt, ring []T, off, tail, head uint64) error {
	n := uint64(len(ring))
	if head-tail > n {
		return fmt.Errorf("ring with head %d and tail %d: torn", head, tail)
	}
	var item T
	size := uint64(unsafe.Sizeof(item))
	for tail != head {
		first := tail % n
		count := min(head-tail, n-first)
		b := unsafe.Slice((*byte)(unsafe.Pointer(&ring[first])), count*size)
		if err := writeAll(w, b, off+first*size); err != nil {
			return err
		}
		tail += count
	}
	return nil
}
