// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// testArch makes a synthetic machine one of another architecture. The addresses of its image are those of the x86_64 machine, which are
// kernel addresses everywhere; its RAM need not begin at 0.
type testArch struct {
	name        string
	page        uint // bits
	built, used uint // bits of a kernel address: what the kernel was built for, what the CPU has
	levels      int
	ram         uint64            // physical address of the first byte of memory
	offset      uint64            // arm64: PHYS_OFFSET
	tables      map[uint64]uint64 // where an entry is -> the table that it leads to, both in memory
	root        uint64
	last        uint64 // where the last entry that mapAt wrote is
}

func (a *testArch) arm() bool { return a.name == "arm64" }

func (a *testArch) String() string {
	return fmt.Sprintf("%s, pages of %d KiB, %d of %d bits, RAM at 0x%x", a.name, 1<<a.page>>10, a.used, a.built, a.ram)
}

func (m *machine) pageBits() uint {
	if m.arch != nil {
		return m.arch.page
	}
	return pageShift
}

func (m *machine) pageBytes() uint64 { return 1 << m.pageBits() }

// directBase is the kernel address of the memory's first byte.
func (m *machine) directBase() uint64 {
	switch {
	case m.arch == nil:
		return directBase(m.levels)
	case m.arch.arm():
		return ^uint64(0)<<m.arch.built + m.arch.ram - m.arch.offset
	}
	return riscvPageOffset[m.arch.built]
}

// riscvPageOffset is PAGE_OFFSET as arch/riscv/include/asm/page.h has it for Sv39, Sv48 and Sv57.
var riscvPageOffset = map[uint]uint64{39: 0xffffffd600000000, 48: 0xffffaf8000000000, 57: 0xff60000000000000}

func (m *machine) size() int64 {
	if m.arch != nil {
		return int64(m.arch.ram) + testMemory
	}
	return testMemory
}

// shifted is memory that does not begin at physical address 0.
type shifted struct {
	*bytes.Reader
	ram int64
}

func (s *shifted) ReadAt(p []byte, off int64) (int, error) {
	if off < s.ram {
		return 0, io.EOF
	}
	return s.Reader.ReadAt(p, off-s.ram)
}

func (s *shifted) next(off int64) (start, end int64, ok bool) {
	end = s.ram + s.Size()
	return max(off, s.ram), end, off < end
}

// entry encodes a table's entry: the physical address in memory, and whether it is a leaf.
func (a *testArch) entry(phys uint64, leaf bool, shift uint) uint64 {
	phys += a.ram
	if !a.arm() {
		if leaf {
			return phys>>12<<10 | 0xef
		}
		return phys>>12<<10 | 1
	}
	e := phys & (1<<48 - 1)
	switch {
	case a.page == 16:
		e |= phys >> 48 << 12
	case a.used == 52:
		e = phys&(1<<50-1) | phys>>50<<8
	default:
		e |= 3 << 8 // inner shareable: these two bits are no address then
	}
	if leaf && shift > a.page {
		return e | 1 | 1<<54 // a block, never executed
	}
	return e | 3
}

func (a *testArch) mapAt(m *machine, v, phys uint64, shift uint) {
	table, step := m.root, a.page-3
	for level := a.levels; ; level-- {
		s := a.page + step*uint(level-1)
		i := v >> s & (1<<step - 1)
		if level == a.levels && a.arm() && a.page == 16 && a.built == 52 {
			i = v >> s & 1023 // 10 bits, also on a CPU with 48
		} else if level == a.levels {
			i = v & (1<<a.used - 1) >> s
		}
		at := table + i*8
		if s == shift {
			m.put64(at, a.entry(phys, true, s))
			a.last = at
			return
		}
		if a.tables[at] == 0 {
			a.tables[at] = m.page()
			m.put64(at, a.entry(a.tables[at], false, s))
		}
		table = a.tables[at]
	}
}

func (a *testArch) vmcoreinfo() []string {
	down := uint64(startKernelMap) + imageDown - a.ram
	lines := []string{fmt.Sprintf("SYMBOL(swapper_pg_dir)=%x", a.root+startKernelMap+imageDown), fmt.Sprintf("SYMBOL(_stext)=%x", uint64(testImage)), fmt.Sprintf("NUMBER(VA_BITS)=%d", a.built)}
	if a.arm() {
		return append(lines, fmt.Sprintf("NUMBER(kimage_voffset)=0x%x", down), fmt.Sprintf("NUMBER(PHYS_OFFSET)=0x%x", a.offset), fmt.Sprintf("NUMBER(TCR_EL1_T1SZ)=0x%x", 64-a.used))
	}
	return append(lines, fmt.Sprintf("NUMBER(va_kernel_pa_offset)=0x%x", down), fmt.Sprintf("NUMBER(phys_ram_base)=%d", a.ram), fmt.Sprintf("NUMBER(PAGE_OFFSET)=0x%x", riscvPageOffset[a.built]))
}

func newArchMachine(a testArch) *machine {
	m := newMachine(4)
	a.tables = make(map[uint64]uint64)
	m.arch = &a
	m.root = m.page()
	a.root = m.root
	return m
}

var arches = []testArch{
	{name: "arm64", page: 12, built: 39, used: 39, levels: 3, ram: 1 << 30, offset: 1 << 30},
	{name: "arm64", page: 12, built: 48, used: 48, levels: 4, ram: 1 << 30, offset: 0xffffb6b080000000},
	{name: "arm64", page: 12, built: 52, used: 52, levels: 5, ram: 13 << 48, offset: 13 << 48},
	{name: "arm64", page: 12, built: 52, used: 48, levels: 4, ram: 1 << 30, offset: 0xfff1000040000000},
	{name: "arm64", page: 14, built: 36, used: 36, levels: 2, ram: 0, offset: 0},
	{name: "arm64", page: 14, built: 47, used: 47, levels: 3, ram: 1 << 30, offset: 1 << 30},
	{name: "arm64", page: 14, built: 48, used: 48, levels: 4, ram: 1 << 30, offset: 1 << 30},
	{name: "arm64", page: 14, built: 52, used: 52, levels: 4, ram: 7 << 49, offset: 7 << 49},
	{name: "arm64", page: 14, built: 52, used: 47, levels: 3, ram: 1 << 30, offset: 0xfff0800040000000},
	{name: "arm64", page: 16, built: 42, used: 42, levels: 2, ram: 1 << 30, offset: 1 << 30},
	{name: "arm64", page: 16, built: 48, used: 48, levels: 3, ram: 1 << 30, offset: 1 << 30},
	{name: "arm64", page: 16, built: 52, used: 52, levels: 3, ram: 11 << 48, offset: 11 << 48},
	{name: "arm64", page: 16, built: 52, used: 48, levels: 3, ram: 1 << 40, offset: 0xfff1010000000000},
	{name: "riscv64", page: 12, built: 39, used: 39, levels: 3, ram: 2 << 30},
	{name: "riscv64", page: 12, built: 48, used: 48, levels: 4, ram: 2 << 30},
	{name: "riscv64", page: 12, built: 57, used: 57, levels: 5, ram: 9 << 50},
}

// One ringbuffer in every geometry: static, and grown into pages of the last level, of the second and of the third. A small core of it
// reads the same again.
func TestArches(t *testing.T) {
	for _, a := range arches {
		for _, grown := range []uint{0, 12, 21, 30} {
			if grown == 30 && (a.levels < 3 || a.page == 14 && a.levels < 4) {
				continue // that level is the top one, or has no blocks
			}
			o := prbOpts{countBits: 6, dataBits: 11, grown: grown}
			_, x := sample(t, 4, o)
			want, err := x.Log(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			m := newArchMachine(a)
			fillSample(m.newRing(o))
			m.mapAt(m.directBase()+m.root, m.root, m.pageBits()) // the top table's place in the direct map
			rd := m.open(t)
			log, err := rd.Log(context.Background())
			if err != nil {
				t.Fatalf("%v, grown %d: %v", &a, grown, err)
			}
			sameRecords(t, log.Records, want.Records)
			if got := rd.sp.directMap(nil); got != m.directBase()-a.ram {
				t.Errorf("%v, grown %d: direct map at %#x, want %#x", &a, grown, got, m.directBase()-a.ram)
			}
			b := coreOf(t, rd)
			again, err := coreLog(b)
			if err != nil {
				t.Fatalf("%v, grown %d: its small core: %v", &a, grown, err)
			}
			sameRecords(t, again.Records, want.Records)
		}
	}
}

// Without page tables the direct map is reckoned.
func TestArchesWithoutTables(t *testing.T) {
	for _, a := range arches {
		m := newArchMachine(a)
		fillSample(m.newRing(prbOpts{countBits: 6, dataBits: 11, grown: 1}))
		m.info["SYMBOL(swapper_pg_dir)"] = ""
		rd := m.open(t)
		if log, err := rd.Log(context.Background()); err != nil || len(log.Records) == 0 {
			t.Errorf("%v: %v", &a, err)
		}
		if _, _, err := rd.sp.tables(m.directBase(), nil); !errors.Is(err, errNoTables) {
			t.Errorf("%v: %v", &a, err)
		}
	}
}

// What is not mapped is said with its level; addresses of the other half are refused.
func TestArchesAbsent(t *testing.T) {
	for _, a := range arches {
		m := newArchMachine(a)
		m.newRing(prbOpts{countBits: 4, dataBits: 8})
		rd := m.open(t)
		var absent *absentError
		if _, _, err := rd.sp.tables(m.directBase()+4<<20, nil); !errors.As(err, &absent) || absent.level != a.levels {
			t.Errorf("%v: %v", &a, err)
		}
		if _, _, err := rd.sp.phys(0x1234000); err == nil || !strings.Contains(err.Error(), "kernel address") {
			t.Errorf("%v: %v", &a, err)
		}
	}
}

// An Svnapot entry maps 64 KiB by sixteen equal entries whose lowest address bit that is set tells the size.
func TestNAPOT(t *testing.T) {
	a := testArch{name: "riscv64", page: 12, built: 39, used: 39, levels: 3}
	m := newArchMachine(a)
	m.newRing(prbOpts{countBits: 4, dataBits: 8})
	v := m.directBase() + 1<<30
	m.mapAt(v+5<<12, 0, 12)
	m.put64(m.arch.last, (0x400000|0x8000)>>12<<10|0xef|riscvNAPOT)
	phys, left, err := m.open(t).sp.tables(v+5<<12+0x123, nil)
	if err != nil || phys != 0x405123 || left != 0x10000-0x5123 {
		t.Errorf("0x%x, %d left, %v", phys, left, err)
	}
}

func TestArchesRefused(t *testing.T) {
	for _, c := range []struct {
		name, key, value, want string
	}{
		{"arm64", "NUMBER(VA_BITS)", "60", "36 to 52"},
		{"arm64", "NUMBER(TCR_EL1_T1SZ)", "0x5", "TCR_EL1_T1SZ"},
		{"arm64", "SYMBOL(_stext)", "", "_stext"},
		{"arm64", "NUMBER(kimage_voffset)", "", "only x86_64, arm64 and riscv64"},
		{"riscv64", "NUMBER(VA_BITS)", "32", "39, 48 or 57"},
	} {
		m := newArchMachine(testArch{name: c.name, page: 12, built: 48, used: 48, levels: 4})
		m.newRing(prbOpts{countBits: 4, dataBits: 8})
		m.info[c.key] = c.value
		info, err := ParseVMCoreInfo(m.vmcoreinfo())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(context.Background(), m.reader(), m.size(), info); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%s: %v", c.key, c.value, err)
		}
	}
}
