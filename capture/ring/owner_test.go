// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"reflect"
	"testing"
)

// console puts a struct console at a kernel address of the image.
func (m *machine) console(v uint64, flags uint16, state uint32) {
	p := imagePhys(v)
	copy(m.mem[p:], serialNames[0])
	m.put64(p+conSetup, testImage+0x100)
	m.put32(p+conFlags, uint32(flags)) // index 0
	m.put64(p+conPprev, testImage+0x200)
	if flags&conNbcon != 0 {
		for off := uint64(conAtomic); off < conState; off += 8 {
			m.put64(p+off, testImage+0x300+off)
		}
	}
	m.put32(p+conState, state)
}

func owned(name string, cpu int, unsafe bool) *NbconState {
	n := &NbconState{Owner: name, CPU: &cpu, Wanted: "none", Unsafe: unsafe}
	return n
}

func TestConsoles(t *testing.T) {
	const (
		at    = testImage + 0x10000
		flags = 1<<0 | 1<<1 | conEnabled | 1<<4 | conNbcon
		chunk = testImage + scanChunk + 8 // it begins in the second chunk, and ends in the third
	)
	for _, c := range []struct {
		name string
		put  func(m *machine)
		want []Console
	}{
		{"none", func(*machine) {}, nil},
		{"an owner on CPU 3", func(m *machine) { m.console(at, flags, 3<<6|1<<4|1) }, []Console{{"ttyS0", owned("normal", 3, true)}}},
		{"nobody", func(m *machine) { m.console(at, flags, 0) }, []Console{{"ttyS0", &NbconState{Owner: "none", Wanted: "none"}}}},
		{"after the last flush", func(m *machine) { m.console(at, flags, 3<<4) },
			[]Console{{"ttyS0", &NbconState{Owner: "none", Wanted: "none", Unsafe: true, UnsafeTakeover: true}}}},
		{"wanted", func(m *machine) { m.console(at, flags, 3<<2|1) },
			[]Console{{"ttyS0", &NbconState{Owner: "normal", CPU: new(int), Wanted: "panic"}}}},
		{"a legacy one", func(m *machine) { m.console(at, 7, 0xffffffff) }, []Console{{"ttyS0", nil}}},
		{"a PL011", func(m *machine) { m.console(at, flags, 1); copy(m.mem[imagePhys(at):], serialNames[1]) },
			[]Console{{"ttyAMA0", &NbconState{Owner: "normal", CPU: new(int), Wanted: "none"}}}},
		{"over the end of a chunk", func(m *machine) { m.console(chunk, flags, 2) }, []Console{{"ttyS0", &NbconState{Owner: "emergency", CPU: new(int), Wanted: "none"}}}},
		{"not enabled", func(m *machine) { m.console(at, flags&^conEnabled, 0) }, nil},
		{"a boot console", func(m *machine) { m.console(at, flags|conBoot, 0) }, nil},
		{"not registered", func(m *machine) { m.console(at, flags, 0); m.put64(imagePhys(at)+conPprev, 0) }, nil},
		{"a function that is none", func(m *machine) { m.console(at, flags, 0); m.put64(imagePhys(at)+conAtomic, 0x1234) }, nil},
		{"not aligned", func(m *machine) { m.console(at+4, flags, 0) }, nil},
		{"only the name", func(m *machine) { copy(m.mem[imagePhys(at):], serialNames[0]) }, nil},
		{"in the last bytes of memory", func(m *machine) { copy(m.mem[testMemory-len(serialNames[0]):], serialNames[0]) }, nil},
	} {
		m := newMachine(4)
		m.newRing(prbOpts{countBits: 5, dataBits: 9})
		c.put(m)
		rd := m.open(t)
		got, err := rd.Consoles(context.Background())
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
		// The small core has them too.
		log, err := coreLog(coreOf(t, rd))
		if err != nil || !reflect.DeepEqual(log.Consoles, c.want) {
			t.Errorf("%s: in the core: %v, %v", c.name, log, err)
		}
	}
}

func TestTooManyConsoles(t *testing.T) {
	m := newMachine(4)
	m.newRing(prbOpts{countBits: 5, dataBits: 9})
	for i := range uint64(maxConsoles + 1) {
		m.console(testImage+0x10000+i*0x100, conEnabled, 0)
	}
	rd := m.open(t)
	if all, err := rd.Consoles(context.Background()); err == nil {
		t.Errorf("%d consoles", len(all))
	}
	// The records do not depend on them.
	if _, err := coreLog(coreOf(t, rd)); err != nil {
		t.Error(err)
	}
}

func TestNbconStateText(t *testing.T) {
	for _, c := range []struct {
		n    *NbconState
		want string
	}{
		{nil, "a legacy console, its owner is not known"},
		{nbconState(0), "nobody"},
		{nbconState(1<<6 | 1<<4 | 2), "CPU 1, priority emergency, unsafe"},
		{nbconState(3 << 4), "nobody, unsafe, after an unsafe takeover"},
		{nbconState(3<<2 | 1), "CPU 0, priority normal, wanted at priority panic"},
	} {
		if got := c.n.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
