// SPDX-License-Identifier: Apache-2.0

package dut

import (
	"fmt"
	"time"

	"lastpage/kernels/plan"
)

// When is the kind of condition that fires a trigger.
type When string

const (
	AtByte    When = "byte"    // the N-th byte has left the transmitter
	AtTime    When = "time"    // N ns on the wire's clock
	AtEvent   When = "event"   // Code was rung for the N-th time
	AtPattern When = "pattern" // Text was on the wire
	AtQuiet   When = "quiet"   // nothing on the wire and an empty transmitter for N ns
	AtSymbol  When = "symbol"  // the instruction at Addr was executed for the N-th time
)

// Do is what a trigger does when it fires.
type Do string

const (
	Note     Do = "note" // only record when it was
	NMI      Do = "nmi"
	Send     Do = "send"  // bytes to the console's receiver; Break sends a BREAK before them
	Stop     Do = "stop"  // freeze the machine; the trial is over
	PowerCut Do = "power" // freeze it for ever
	Reset    Do = "reset"
)

// Trigger is one condition and what follows from it. A bench that cannot judge a condition in the machine refuses it when it is armed.
type Trigger struct {
	Name  string        `json:"name"`
	When  When          `json:"when"`
	N     int64         `json:"n,omitempty"`
	Code  plan.Code     `json:"code,omitempty"`
	Text  string        `json:"text,omitempty"`
	Addr  uint64        `json:"addr,omitempty"`
	After string        `json:"after,omitempty"` // name of the trigger that must have fired first; N then counts from that moment
	Delay time.Duration `json:"delay_ns,omitempty"`
	Do    Do            `json:"do"`
	Break bool          `json:"break,omitempty"`
	Bytes string        `json:"bytes,omitempty"`
}

// Firing is the outcome of one trigger.
type Firing struct {
	Name  string `json:"name"`
	Fired bool   `json:"fired"`
	Moment
	// LateNS is from the condition to the end of the action, where the board's far end acts; null: the machine itself does, at once.
	LateNS *int64 `json:"late_ns,omitempty"`
}

// Order checks that names are unique and that each After names an earlier trigger, and returns the index of it (-1 for none).
func Order(ts []Trigger) ([]int, error) {
	at := map[string]int{}
	after := make([]int, len(ts))
	for i, t := range ts {
		after[i] = -1
		if t.After != "" {
			j, ok := at[t.After]
			if !ok {
				return nil, fmt.Errorf("trigger %s: comes after %q, which is not an earlier trigger", t.Name, t.After)
			}
			after[i] = j
		}
		if _, dup := at[t.Name]; dup {
			return nil, fmt.Errorf("trigger %s: named twice", t.Name)
		}
		at[t.Name] = i
	}
	return after, nil
}
