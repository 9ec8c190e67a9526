// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
)

// machine is a synthetic x86_64 machine: physical memory, page tables, VMCOREINFO and a printk ringbuffer that is written by
// the rules of printk_ringbuffer.c, one step at a time.
type machine struct {
	mem    []byte
	free   uint64 // next free physical page
	levels int
	root   uint64
	info   map[string]string
	ring   *prb
	arch   *testArch // nil: x86_64
}

const (
	imageDown  = 15 << 20 // -phys_base: the image's page at startKernelMap+16 MiB lies at 1 MiB
	testImage  = startKernelMap + 0x1000000
	testMemory = 6 << 20
	prbPointer = testImage + 0x1000
	prbStruct  = testImage + 0x2000
	utsName    = testImage + 0x3000
)

func directBase(levels int) uint64 {
	if levels == 5 {
		return 0xff11000000000000
	}
	return 0xffff888000000000
}

func newMachine(levels int) *machine {
	m := &machine{mem: make([]byte, testMemory), free: 3 << 20, levels: levels, info: make(map[string]string)}
	m.root = imagePhys(testImage)
	copy(m.mem[imagePhys(utsName):], "Linux")
	return m
}

// open finds the ringbuffer of the machine.
func (m *machine) open(t *testing.T) *Reader {
	t.Helper()
	info, err := ParseVMCoreInfo(m.vmcoreinfo())
	if err != nil {
		t.Fatal(err)
	}
	rd, err := Open(context.Background(), m.reader(), m.size(), info)
	if err != nil {
		t.Fatal(err)
	}
	return rd
}

func imagePhys(v uint64) uint64 { return v - startKernelMap - imageDown }

func (m *machine) page() uint64 { m.free += m.pageBytes(); return m.free - m.pageBytes() }

func (m *machine) put64(phys, v uint64) { binary.LittleEndian.PutUint64(m.mem[phys:], v) }
func (m *machine) put32(phys uint64, v uint32) {
	binary.LittleEndian.PutUint32(m.mem[phys:], v)
}
func (m *machine) get64(phys uint64) uint64 { return binary.LittleEndian.Uint64(m.mem[phys:]) }

// mapAt maps one page of 1<<shift bytes (12, 21 or 30).
func (m *machine) mapAt(v, phys uint64, shift uint) {
	if m.arch != nil {
		m.arch.mapAt(m, v, phys, shift)
		return
	}
	table := m.root
	for level := m.levels; ; level-- {
		s := uint(pageShift + 9*(level-1))
		at := table + v>>s&511*8
		if s == shift {
			entry := phys | 0x63
			if shift > pageShift {
				entry |= pageLarge
			}
			m.put64(at, entry)
			return
		}
		if m.get64(at) == 0 {
			m.put64(at, m.page()|0x67)
		}
		table = m.get64(at) & ptePhys
	}
}

// prb is the ringbuffer of a machine, and its writer.
type prb struct {
	m                  *machine
	countBits          uint
	dataBits           uint
	descs, infos, data func(off uint64) uint64 // physical address of an offset
	newFit             bool                    // exact-fit blocks stay in place (since 2025)
	seq                uint64
	id0                uint64
}

type prbOpts struct {
	countBits, dataBits uint
	newFit, wideID      bool
	grown               uint // 0: static arrays in the image; 12, 21, 30: in the direct map, in pages of the last, second, third level
	at                  uint64
}

func (m *machine) newRing(o prbOpts) *prb {
	r := &prb{m: m, countBits: o.countBits, dataBits: o.dataBits, newFit: o.newFit}
	count, size := uint64(1)<<o.countBits, uint64(1)<<o.dataBits
	var base uint64
	place := func(n uint64) (virt uint64, phys func(uint64) uint64) {
		if o.grown == 0 {
			v := testImage + 0x10000 + base
			base += (n + 63) &^ 63
			return v, func(off uint64) uint64 { return imagePhys(v) + off }
		}
		if o.grown == pageShift { // every page somewhere else
			page := m.pageBytes()
			v := m.directBase() + 0x123450000 + base
			base += (n + page) &^ (page - 1)
			pages := map[uint64]uint64{}
			for off := uint64(0); off < n; off += page {
				_, p := m.page(), m.page()
				pages[off] = p
				m.mapAt(v+off, p, m.pageBits())
			}
			return v, func(off uint64) uint64 { return pages[off&^(page-1)] + off%page }
		}
		v := m.directBase() + 5<<20 + base
		base += (n + pageSize) &^ (pageSize - 1)
		return v, func(off uint64) uint64 { return v - m.directBase() + off }
	}
	switch o.grown {
	case 21:
		shift := 2*m.pageBits() - 3
		for p := uint64(0); p < testMemory; p += 1 << shift {
			m.mapAt(m.directBase()+p, p, shift)
		}
	case 30:
		m.mapAt(m.directBase(), 0, 3*m.pageBits()-6)
	}
	var vd, vi, vt uint64
	vd, r.descs = place(count * 24)
	vi, r.infos = place(count * 88)
	vt, r.data = place(size)

	s := imagePhys(prbStruct) + o.at
	m.put64(imagePhys(prbPointer), prbStruct+o.at)
	m.put32(s, uint32(o.countBits))
	m.put64(s+8, vd)
	m.put64(s+16, vi)
	m.put32(s+48, uint32(o.dataBits))
	m.put64(s+56, vt)
	r.id0 = (1<<32 - count) & idMask
	if o.wideID {
		r.id0 = -count & idMask
	}
	r.setIDs(r.id0-1, r.id0-1)
	r.setPos(-size, -size)
	r.setDesc(r.id0-1, Reusable, failedPos, failedPos)
	m.ring = r
	return r
}

func (r *prb) header() uint64 { return imagePhys(r.m.get64(imagePhys(prbPointer))) }
func (r *prb) setIDs(head, tail uint64) {
	r.m.put64(r.header()+24, head&idMask)
	r.m.put64(r.header()+32, tail&idMask)
}
func (r *prb) setPos(head, tail uint64) {
	r.m.put64(r.header()+64, head)
	r.m.put64(r.header()+72, tail)
}
func (r *prb) headPos() uint64 { return r.m.get64(r.header() + 64) }
func (r *prb) tailPos() uint64 { return r.m.get64(r.header() + 72) }
func (r *prb) headID() uint64  { return r.m.get64(r.header() + 24) }
func (r *prb) tailID() uint64  { return r.m.get64(r.header() + 32) }

func (r *prb) slot(id uint64) uint64 { return id & (1<<r.countBits - 1) }
func (r *prb) setState(id uint64, s State) {
	r.m.put64(r.descs(r.slot(id)*24), id&idMask|uint64(s)<<stateShift)
}
func (r *prb) setDesc(id uint64, s State, begin, next uint64) {
	r.m.put64(r.descs(r.slot(id)*24+8), begin)
	r.m.put64(r.descs(r.slot(id)*24+16), next)
	r.setState(id, s)
}

// store writes into the data ring, which may be scattered over pages.
func (r *prb) store(off uint64, b []byte) {
	for i, c := range b {
		r.m.mem[r.data(off+uint64(i))] = c
	}
}

func (r *prb) wrapped(begin, next uint64) bool {
	if r.newFit {
		next--
	}
	return begin>>r.dataBits != next>>r.dataBits
}

// reserve takes a descriptor and a block of text size; the oldest records make room (data_alloc, desc_reserve).
func (r *prb) reserve(size int) (id, seq uint64) {
	id = (r.headID() + 1) & idMask
	if r.slot(r.tailID()) == r.slot(id) { // the descriptor ring is full
		r.expire(r.tailID())
		r.setIDs(r.headID(), r.tailID()+1)
	}
	r.setIDs(id, r.tailID())
	seq = r.seq
	r.seq++
	r.info(id, Record{Seq: seq})
	if size == 0 {
		r.setDesc(id, Reserved, emptyPos, emptyPos)
		return id, seq
	}
	n := (uint64(size) + blockID + 7) &^ 7
	total := uint64(1) << r.dataBits
	begin := r.headPos()
	next := begin + n
	if r.wrapped(begin, next) {
		next = next&^(total-1) + n
	}
	for next-r.tailPos() > total {
		old := binary.LittleEndian.Uint64(r.m.mem[r.data(r.tailPos()&(total-1)):])
		tail := r.tailPos()
		if r.expire(old); tail == r.tailPos() {
			panic("the block does not fit the ring")
		}
	}
	r.setPos(next, r.tailPos())
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], id)
	r.store(begin&(total-1), b[:])
	if r.wrapped(begin, next) {
		r.store(0, b[:])
	}
	r.setDesc(id, Reserved, begin, next)
	return id, seq
}

// expire makes a record reusable and gives its block back.
func (r *prb) expire(id uint64) {
	r.setState(id, Reusable)
	if next := r.m.get64(r.descs(r.slot(id)*24 + 16)); next&1 == 0 && next-r.tailPos() <= 1<<r.dataBits {
		r.setPos(r.headPos(), next)
	}
}

// info writes printk_info.
func (r *prb) info(id uint64, rec Record) {
	var b [88]byte
	binary.LittleEndian.PutUint64(b[0:], rec.Seq)
	binary.LittleEndian.PutUint64(b[8:], rec.TsNsec)
	binary.LittleEndian.PutUint16(b[16:], uint16(rec.TextLen))
	b[18], b[19] = rec.Facility, rec.Flags|rec.Level<<5
	binary.LittleEndian.PutUint32(b[20:], rec.Caller)
	copy(b[24:40], rec.Subsystem)
	copy(b[40:88], rec.Device)
	for i, c := range b {
		r.m.mem[r.infos(r.slot(id)*88+uint64(i))] = c
	}
}

// text stores text in the block of an id.
func (r *prb) text(id uint64, text []byte) {
	begin := r.m.get64(r.descs(r.slot(id)*24 + 8))
	next := r.m.get64(r.descs(r.slot(id)*24 + 16))
	off := begin & (1<<r.dataBits - 1)
	if r.wrapped(begin, next) {
		off = 0
	}
	r.store(off+blockID, text)
}

// printk stores one whole record in a state and returns what a reader should get.
func (r *prb) printk(rec Record) Record {
	id, seq := r.reserve(len(rec.Text))
	r.text(id, rec.Text)
	rec.Seq = seq
	if rec.TextLen == 0 {
		rec.TextLen = len(rec.Text)
	}
	if len(rec.Text) == 0 {
		rec.Data = DataEmpty
	}
	r.info(id, rec)
	r.setState(id, rec.State)
	return rec
}

func (r *prb) id(seq uint64) uint64 { return (r.id0 + seq) & idMask }

// vmcoreinfo is the text of the synthetic kernel.
func (m *machine) vmcoreinfo() []byte {
	var b bytes.Buffer
	line := func(k string, v any) {
		if s, ok := m.info[k]; ok {
			v = s
		}
		if v != "" {
			fmt.Fprintf(&b, "%s=%v\n", k, v)
		}
	}
	hex := func(v uint64) string { return fmt.Sprintf("%x", v) }
	line("OSRELEASE", "6.99.0-test")
	line("PAGESIZE", m.pageBytes())
	line("SYMBOL(init_uts_ns)", hex(utsName))
	line("SYMBOL(prb)", hex(prbPointer))
	for _, l := range strings.Fields(`SIZE(printk_ringbuffer)=88 OFFSET(printk_ringbuffer.desc_ring)=0
		OFFSET(printk_ringbuffer.text_data_ring)=48 OFFSET(printk_ringbuffer.fail)=80 SIZE(prb_desc_ring)=48
		OFFSET(prb_desc_ring.count_bits)=0 OFFSET(prb_desc_ring.descs)=8 OFFSET(prb_desc_ring.infos)=16
		OFFSET(prb_desc_ring.head_id)=24 OFFSET(prb_desc_ring.tail_id)=32 SIZE(prb_desc)=24 OFFSET(prb_desc.state_var)=0
		OFFSET(prb_desc.text_blk_lpos)=8 SIZE(prb_data_blk_lpos)=16 OFFSET(prb_data_blk_lpos.begin)=0
		OFFSET(prb_data_blk_lpos.next)=8 SIZE(printk_info)=88 OFFSET(printk_info.seq)=0 OFFSET(printk_info.ts_nsec)=8
		OFFSET(printk_info.text_len)=16 OFFSET(printk_info.caller_id)=20 OFFSET(printk_info.dev_info)=24
		SIZE(dev_printk_info)=64 OFFSET(dev_printk_info.subsystem)=0 LENGTH(printk_info_subsystem)=16
		OFFSET(dev_printk_info.device)=16 LENGTH(printk_info_device)=48 SIZE(prb_data_ring)=32
		OFFSET(prb_data_ring.size_bits)=0 OFFSET(prb_data_ring.data)=8 OFFSET(prb_data_ring.head_lpos)=16
		OFFSET(prb_data_ring.tail_lpos)=24 SIZE(atomic_long_t)=8 OFFSET(atomic_long_t.counter)=0`) {
		k, v, _ := strings.Cut(l, "=")
		line(k, v)
	}
	if m.arch != nil {
		for _, l := range m.arch.vmcoreinfo() {
			k, v, _ := strings.Cut(l, "=")
			line(k, v)
		}
		return b.Bytes()
	}
	line("NUMBER(phys_base)", -imageDown)
	line("SYMBOL(init_top_pgt)", hex(testImage))
	line("NUMBER(pgtable_l5_enabled)", m.levels-4)
	line("KERNELOFFSET", "0")
	return b.Bytes()
}

// reader is the memory as others see it.
func (m *machine) reader() io.ReaderAt {
	if m.arch != nil {
		return &shifted{bytes.NewReader(m.mem), int64(m.arch.ram)}
	}
	return bytes.NewReader(m.mem)
}
