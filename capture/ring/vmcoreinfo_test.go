// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestParseVMCoreInfo(t *testing.T) {
	const head = "OSRELEASE=6.1.0\nPAGESIZE=4096\n"
	v, err := ParseVMCoreInfo([]byte(head + "SYMBOL(prb)=ffffffff82000000\nNUMBER(phys_base)=-146800640\nNUMBER(x)=0x10\n" +
		"SIZE(list_head)=16\nLENGTH(zone.free_area)=11\nKERNELOFFSET=c400000\nBUILD-ID=abc=d\nCONFIG_X=y\n\x00rest"))
	if err != nil {
		t.Fatal(err)
	}
	sym, _ := v.Symbol("prb")
	base, _ := v.Number("NUMBER(phys_base)")
	x, _ := v.Number("NUMBER(x)")
	size, _ := v.Number("SIZE(list_head)")
	off, ok := v.KernelOffset()
	id, _ := v.Value("BUILD-ID")
	if v.Release != "6.1.0" || v.PageSize != 4096 || sym != 0xffffffff82000000 || int64(base) != -146800640 || x != 16 ||
		size != 16 || off != 0xc400000 || !ok || id != "abc=d" || v.Cut || strings.Contains(string(v.Text), "rest") {
		t.Errorf("%+v", v)
	}
	if _, ok := v.Symbol("nothing"); ok {
		t.Error("a symbol that is not there")
	}
	for in, want := range map[string]string{
		"":                                     "empty",
		"\x00":                                 "empty",
		"PAGESIZE=4096\n":                      "no OSRELEASE",
		"OSRELEASE=x\n":                        `PAGESIZE=""`,
		"OSRELEASE=x\nPAGESIZE=4095\n":         `PAGESIZE="4095"`,
		head + "SYMBOL(prb)=xyz\n":             "line 3: SYMBOL(prb)=\"xyz\" is not a number",
		head + "SIZE(a)=-1\n":                  "line 3",
		head + "NUMBER(a)=1.5\n":               "line 3",
		head + "junk\nX=1\n":                   "line 3: \"junk\" is not KEY=VALUE",
		head + "=1\n":                          "line 3",
		head + "SYMBOL(a=1\n":                  "line 3: \"SYMBOL(a\" is not KIND(name)",
		head + "A=\x01\n":                      "line 3: byte 0x01 at column 3",
		head + strings.Repeat("a", 600) + "\n": "line 3: 600 bytes long",
		strings.Repeat("A=1\n", 1<<15):         "at most 65536",
	} {
		if _, err := ParseVMCoreInfo([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want one with %q", in, err, want)
		}
	}
}

// The kernel's buffer is one page: what does not fit is cut, and the rest is still good.
func TestCutVMCoreInfo(t *testing.T) {
	b := []byte("OSRELEASE=6.1.0\nPAGESIZE=4096\nSYMBOL(prb)=ffffffff82000000\n")
	for len(b) < 4096 {
		b = append(b, "SIZE(some_structure)=123456\n"...)
	}
	v, err := ParseVMCoreInfo(b[:4096])
	if err != nil || !v.Cut {
		t.Fatalf("%v %+v", err, v)
	}
	if _, ok := v.Symbol("prb"); !ok {
		t.Error("prb is lost")
	}
}

// plant puts a text into memory.
func (m *machine) plant(at uint64, text []byte) { copy(m.mem[at:], text) }

func TestFindVMCoreInfo(t *testing.T) {
	ctx := context.Background()
	fresh := func() *machine {
		m := newMachine(4)
		m.newRing(small).printk(Record{State: Finalized, Text: []byte("x")})
		return m
	}
	find := func(m *machine) (*VMCoreInfo, error) { return FindVMCoreInfo(ctx, m.reader(), testMemory) }

	m := fresh()
	if _, err := find(m); !errors.Is(err, ErrNoVMCoreInfo) {
		t.Errorf("nothing there: %v", err)
	}
	m.plant(0x1234, []byte("OSRELEASE=%s\nBUILD-ID=%s\n\x00")) // the kernel's format string
	m.plant(0xff000-5, []byte("OSRELEASE=6.99.0-test\nCRASHTIME=oops"))
	if _, err := find(m); !errors.Is(err, ErrNoVMCoreInfo) {
		t.Errorf("only look-alikes: %v", err)
	}
	for _, at := range []uint64{0, 0xfffff - 4, 1<<20 - 1, 2<<20 + 24, testMemory - uint64(len(m.vmcoreinfo()))} {
		m := fresh()
		m.plant(at, m.vmcoreinfo())
		if info, err := find(m); err != nil || info.Release != "6.99.0-test" {
			t.Errorf("at 0x%x: %v", at, err)
		}
	}
	// The note's copy of a crashed kernel is longer by CRASHTIME: one kernel, and the longer text wins.
	m = fresh()
	m.plant(0x5000, m.vmcoreinfo())
	m.plant(0x8018, append(m.vmcoreinfo(), "CRASHTIME=1\n"...))
	if info, err := find(m); err != nil || !strings.Contains(string(info.Text), "CRASHTIME") {
		t.Errorf("two copies: %v", err)
	}
	// An earlier boot whose ring is gone does not disturb.
	old := fresh()
	old.info["OSRELEASE"], old.info["SYMBOL(prb)"] = "5.99.0-old", "ffffffff81900000"
	m.plant(0x3000, old.vmcoreinfo())
	if info, err := find(m); err != nil || info.Release != "6.99.0-test" {
		t.Errorf("a stale copy: %v", err)
	}
	// Alone, it is named with the reason.
	m = fresh()
	m.plant(0x3000, old.vmcoreinfo())
	if _, err := find(m); err == nil || !strings.Contains(err.Error(), "0x3000") || !strings.Contains(err.Error(), "5.99.0-old") && !strings.Contains(err.Error(), "SYMBOL(prb)") {
		t.Errorf("only a stale copy: %v", err)
	}
	// Two kernels with whole rings: nobody can tell.
	m = fresh()
	m.plant(0x3000, m.vmcoreinfo())
	m.info["OSRELEASE"] = "6.98.0-other"
	m.plant(0x9000, m.vmcoreinfo())
	var two *AmbiguousError
	if _, err := find(m); !errors.As(err, &two) || len(two.Candidates) != 2 || two.Candidates[0].Offset != 0x3000 {
		t.Errorf("two kernels: %v", err)
	}
	// Memory full of the needle.
	m = fresh()
	for i := 0; i+10 < len(m.mem); i += 10 {
		copy(m.mem[i:], osrelease)
	}
	if _, err := find(m); err == nil || !strings.Contains(err.Error(), "not a machine's memory") {
		t.Errorf("full of needles: %v", err)
	}
	m = fresh()
	for i := range 100 {
		m.info["OSRELEASE"] = fmt.Sprint("k", i)
		m.plant(uint64(i)*8192, append(m.vmcoreinfo(), 0))
	}
	if _, err := find(m); err == nil || !strings.Contains(err.Error(), "different texts") {
		t.Errorf("many texts: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := FindVMCoreInfo(cancelled, m.reader(), testMemory); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
