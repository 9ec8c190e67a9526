// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

// Console is a registered serial console as struct console has it (include/linux/console.h, the same from 6.12 to 7.3).
type Console struct {
	Name  string      `json:"name"`  // ttyS0
	Nbcon *NbconState `json:"nbcon"` // null: a legacy console, which the console lock guards
}

// NbconState is console::nbcon_state: who may send, and how.
type NbconState struct {
	Owner string `json:"owner"` // priority of the owner: none, normal, emergency, panic
	CPU   *int   `json:"cpu"`   // of the owner; null: there is none
	// Wanted is the priority that waits for the owner to hand over; none if nobody does.
	Wanted string `json:"wanted"`
	// Unsafe: the owner, or the last one, is in a region in which only the last flush of panic may take over.
	Unsafe bool `json:"unsafe"`
	// UnsafeTakeover: that has happened.
	UnsafeTakeover bool `json:"unsafe_takeover"`
}

// Offsets in struct console on a 64-bit kernel, bytes, and its flags.
const (
	conNameLen  = 16
	conWrite    = 16 // the first of seven functions; setup is the fifth
	conSetup    = conWrite + 4*8
	conFlags    = conWrite + 7*8 // short flags, short index
	conPprev    = 120            // node.pprev: not null while it is registered
	conAtomic   = 128            // write_atomic, write_thread, device_lock, device_unlock
	conState    = 160
	conSize     = conState + 4
	conEnabled  = 1 << 2
	conBoot     = 1 << 3
	conNbcon    = 1 << 8
	conAllFlags = 1<<10 - 1
	// nearUTS is how far a static console may lie from init_uts_ns: both are in the image's .data.
	nearUTS = 16 << 20
	// maxConsoles bounds the work on memory that is full of look-alikes.
	maxConsoles = 8
)

var prios = [...]string{"none", "normal", "emergency", "panic"}

// serialNames are how the consoles of the 8250 driver and of the PL011 are named, as the field has it.
var serialNames = [...][]byte{consoleName("ttyS"), consoleName("ttyAMA")}

func consoleName(s string) []byte { return append([]byte(s), make([]byte, conNameLen-len(s))...) }

// Consoles finds the serial consoles among the kernel's own data. VMCOREINFO does not say where they are: they are known by
// their name and by what a registered console's fields can hold. It is empty where none is found, as before 6.12, whose struct is another.
func (r *Reader) Consoles(ctx context.Context) ([]Console, error) {
	all, _, err := r.consoles(ctx)
	if err != nil {
		return nil, fmt.Errorf("find consoles: %w", err)
	}
	return all, nil
}

// consoles also gives the kernel addresses.
func (r *Reader) consoles(ctx context.Context) ([]Console, []uint64, error) {
	uts, ok := r.info.Symbol("init_uts_ns")
	if !ok {
		return nil, nil, errors.New("VMCOREINFO has no SYMBOL(init_uts_ns)")
	}
	at, _, ok := r.sp.image(uts)
	if !ok {
		return nil, nil, fmt.Errorf("SYMBOL(init_uts_ns) 0x%x is not in the kernel's image", uts)
	}
	var all []Console
	var where []uint64
	begin, end := int64(at)-min(int64(at), nearUTS), min(r.sp.size, int64(at)+nearUTS)
	err := scan(ctx, r.sp.mem, begin, end, conSize-1, func(chunk []byte, off int64) error {
		for _, name := range serialNames {
			for i := 0; ; i++ {
				j := bytes.Index(chunk[i:], name)
				if j < 0 {
					break
				}
				i += j
				v := r.sp.imageAt(uint64(off) + uint64(i))
				if i+conSize > len(chunk) || v%8 != 0 {
					continue
				}
				c, ok := r.sp.console(chunk[i : i+conSize])
				if !ok {
					continue
				}
				if len(all) == maxConsoles {
					return fmt.Errorf("more than %d look like one up to 0x%x: this is not a machine's memory", maxConsoles, v)
				}
				all, where = append(all, c), append(where, v)
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return all, where, nil
}

// console decodes a struct console; ok is false if a registered one cannot look like that.
func (s *space) console(b []byte) (c Console, ok bool) {
	u64 := func(off int) uint64 { return binary.LittleEndian.Uint64(b[off:]) }
	code := func(off int) bool { _, _, ok := s.image(u64(off)); return ok }
	flags, index := binary.LittleEndian.Uint16(b[conFlags:]), int16(binary.LittleEndian.Uint16(b[conFlags+2:]))
	if flags&conEnabled == 0 || flags&conBoot != 0 || flags > conAllFlags || index < 0 || !code(conSetup) || u64(conPprev)>>63 == 0 {
		return c, false
	}
	for off := conWrite; off < conFlags; off += 8 {
		if u64(off) != 0 && !code(off) {
			return c, false
		}
	}
	c.Name = cstring(b[:conNameLen]) + strconv.Itoa(int(index))
	if flags&conNbcon == 0 {
		return c, true
	}
	for off := conAtomic; off < conState; off += 8 {
		if !code(off) {
			return c, false
		}
	}
	c.Nbcon = nbconState(binary.LittleEndian.Uint32(b[conState:]))
	return c, true
}

// nbconState decodes struct nbcon_state: prio:2, req_prio:2, unsafe:1, unsafe_takeover:1, cpu:24.
func nbconState(atom uint32) *NbconState {
	n := &NbconState{Owner: prios[atom&3], Wanted: prios[atom>>2&3], Unsafe: atom>>4&1 != 0, UnsafeTakeover: atom>>5&1 != 0}
	if atom&3 != 0 {
		cpu := int(atom >> 6 & (1<<24 - 1))
		n.CPU = &cpu
	}
	return n
}

// String says it in words.
func (n *NbconState) String() string {
	if n == nil {
		return "a legacy console, its owner is not known"
	}
	s := "nobody"
	if n.CPU != nil {
		s = fmt.Sprintf("CPU %d, priority %s", *n.CPU, n.Owner)
	}
	if n.Unsafe {
		s += ", unsafe"
	}
	if n.UnsafeTakeover {
		s += ", after an unsafe takeover"
	}
	if n.Wanted != prios[0] {
		s += ", wanted at priority " + n.Wanted
	}
	return s
}
