// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// Kind is the condition of a trigger.
type Kind uint32

const (
	AtByte    Kind = 1 + iota // N-th byte has left the shift register
	AtTime                    // N ns
	AtEvent                   // N-th doorbell with Code
	AtPattern                 // Pattern was on the wire, looked for from when the trigger was armed
	AtQuiet                   // nothing on the wire and an empty transmitter for N ns
	AtSymbol                  // N-th execution of the instruction at VAddr
)

// Action is what a trigger does.
type Action uint32

const (
	None     Action = iota // only record
	NMI                    // to all CPUs, as a button would
	Send                   // RX to the guest's receiver
	Stop                   // the VM stands, at this very instruction
	PowerCut               // like Stop, and what is inside the transmitter never leaves it
	DoReset                // resets the machine
)

// MaxTriggers is the size of the table.
const MaxTriggers = triggerCount

// Trigger is a condition and its consequence. It fires once.
type Trigger struct {
	Kind     Kind
	N        int64
	Code     uint8
	Pattern  []byte
	VAddr    uint64
	After    int  // 1 + index of the trigger that must have fired first; 0: armed from the start
	Relative bool // N counts from when the trigger was armed, not from power-on
	Delay    time.Duration
	Action   Action
	RX       []Key
	Break    time.Duration // length of a BREAK in RX; 0: one frame
}

// Firing is what became of a trigger.
type Firing struct {
	Armed, Fired, Acted bool
	NS                  int64 // when the condition was met
	Wire                int64 // bytes that had left the transmitter then
	ActedNS             int64
	Count               int64 // occurrences seen, of an AtEvent or AtSymbol
}

// SetTriggers replaces the table. The VM must stand; the new table holds from when it runs again.
func (p *Page) SetTriggers(ts []Trigger) error {
	if len(ts) > MaxTriggers {
		return fmt.Errorf("set triggers: %d, the table has %d places", len(ts), MaxTriggers)
	}
	var table [triggerCount]trigger
	for i, t := range ts {
		if err := t.check(i, len(ts)); err != nil {
			return fmt.Errorf("set trigger %d: %w", i, err)
		}
		table[i] = t.raw()
	}
	p.h.Trigger = table
	atomic.AddUint32(&p.h.TriggerGen, 1)
	return nil
}

func (t Trigger) check(i, n int) error {
	switch {
	case t.Kind < AtByte || t.Kind > AtSymbol:
		return fmt.Errorf("no condition %d", t.Kind)
	case t.Action > DoReset:
		return fmt.Errorf("no action %d", t.Action)
	case t.After < 0 || t.After > n || t.After == i+1:
		return fmt.Errorf("comes after trigger %d, which it cannot", t.After-1)
	case len(t.Pattern) > maxPattern || t.Kind == AtPattern && len(t.Pattern) == 0:
		return fmt.Errorf("pattern of %d bytes, 1 to %d are possible", len(t.Pattern), maxPattern)
	case len(t.RX) > maxAnswer || t.Action == Send && len(t.RX) == 0:
		return fmt.Errorf("%d bytes to send, 1 to %d are possible", len(t.RX), maxAnswer)
	case t.N < 0 || t.Delay < 0 || t.Break < 0 || t.Break > math.MaxUint32:
		return errors.New("negative count or time, or a BREAK of more than 4.29 s")
	}
	return nil
}

func (t Trigger) raw() trigger {
	r := trigger{
		Kind: uint32(t.Kind), Action: uint32(t.Action), After: uint32(t.After), N: t.N, DelayNS: int64(t.Delay), VAddr: t.VAddr,
		Code: uint32(t.Code), PatternLen: uint32(len(t.Pattern)), RXLen: uint32(len(t.RX)), BrkNS: uint32(t.Break),
	}
	if t.Relative {
		r.Flags = 1
	}
	copy(r.Pattern[:], t.Pattern)
	copy(r.RX[:], t.RX)
	return r
}

// Firings tells what became of the table's first n triggers.
func (p *Page) Firings(n int) []Firing {
	out := make([]Firing, min(max(n, 0), triggerCount))
	for i := range out {
		t := &p.h.Trigger[i]
		out[i] = Firing{
			Armed: atomic.LoadUint32(&t.Armed) != 0, Fired: atomic.LoadUint32(&t.Fired) != 0, Acted: atomic.LoadUint32(&t.Acted) != 0,
			NS: t.FiredNS, Wire: t.FiredWire, ActedNS: t.ActedNS, Count: t.Count,
		}
	}
	return out
}
