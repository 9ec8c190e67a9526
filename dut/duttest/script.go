// SPDX-License-Identifier: Apache-2.0

// Package duttest is a board that follows a script: no kernel, no QEMU, no time. Whatever is made of a board can be tried on it, each
// missing capability and each failure too.
//
// A Script says what the machine would do if nobody interfered, and what it does after an NMI. The board evaluates triggers against it by
// the rules of package dut, byte by byte.
package duttest

import (
	"context"
	"fmt"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/kernels/plan"
)

// ByteNS is how long a byte is on the line: 10 bits at 115200 baud.
const ByteNS = 86_805

// Step is one thing that the machine does.
type Step struct {
	After int64        // ns after the step before it was over
	Say   string       // bytes on the wire
	Ring  *dut.Event   // on the doorbell; only Code and Arg are used
	Store *ring.Record // into the ringbuffer
	Flush bool         // everything that is stored and was not sent, as a console prints it
	Enter string       // a kernel function, whose address is Script.Symbols[Enter]
}

// Script is a machine. The zero value is one that says nothing and ends.
type Script struct {
	Steps   []Step
	NMI     []Step            // what follows an NMI, in place of the rest
	Symbols map[string]uint64 // addresses of functions
	Said    []plan.Message    // over the second channel
	Void    []string          // what the tap says against itself
	Release string            // of the kernel, in its ringbuffer
	EndBy   string            // how it ends by itself; "": "gone"
	WireEnd *int64            // see dut.End

	Lacks []Capability   // what this board has not
	Fail  map[Call]error // calls that fail
	Hang  Call           // a call that only ctx ends

	Opened, Closed int // how often boards were
}

// Capability is one that a board may lack.
type Capability string

// The capabilities.
const (
	Channel  Capability = "second channel"
	Doorbell Capability = "doorbell"
	Dump     Capability = "dump"
	InMemory Capability = "ring without a file"
	Audit    Capability = "audit"
	Knob     Capability = "knob"
	Offsets  Capability = "wire offsets"
)

// Call is a call of a board that may fail or hang.
type Call string

// The calls.
const (
	Open    Call = "open"
	Arm     Call = "arm"
	Run     Call = "run"
	Dumping Call = "dump"
	Closing Call = "close"
)

// Open gives a board of the script.
func (s *Script) Open(ctx context.Context) (*dut.Board, error) {
	if err := s.call(ctx, Open); err != nil {
		return nil, err
	}
	s.Opened++
	m := &machine{s: s, log: wire.NewLog(wire.Virtual, wire.Frame{Baud: 115200, Bits: 10})}
	b := dut.Board{Name: "scripted", Mode: "script", Start: dut.Start{Kind: dut.FromBoot}, Facts: map[string]string{"script": "1"}, Wire: m.log, Machine: m}
	for c, give := range map[Capability]func(){
		Channel:  func() { b.Said = func() []plan.Message { return s.Said } },
		Doorbell: func() { b.Events = func() []dut.Event { return m.events } },
		InMemory: func() {
			b.Ring = func(ctx context.Context) (*ring.Log, error) { return m.ring(), s.call(ctx, Dumping) }
		},
		Dump: func() {
			b.Dump = func(ctx context.Context, dir string) error {
				if err := s.call(ctx, Dumping); err != nil {
					return err
				}
				return m.dump(ctx, dir)
			}
		},
		Audit: func() {
			b.Audit = func() dut.Audit {
				sent := m.log.Len()
				return dut.Audit{Figures: map[string]int64{"lost": int64(len(s.Void))}, Losses: []string{"lost"}, Sent: &sent, Void: s.Void}
			}
		},
		Knob: func() {
			b.Turn = func(k dut.Knobs) { m.delay, m.start = int64(k.PhaseUS)*1000, int64(k.Course&0xfffff)*1000 }
		},
	} {
		if !s.lacks(c) {
			give()
		}
	}
	return dut.New(b, func() error {
		s.Closed++
		m.log.Close(nil)
		return s.Fail[Closing]
	}), nil
}

func (s *Script) lacks(c Capability) bool {
	for _, l := range s.Lacks {
		if l == c {
			return true
		}
	}
	return false
}

func (s *Script) call(ctx context.Context, c Call) error {
	if s.Hang == c {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	if err := s.Fail[c]; err != nil {
		return fmt.Errorf("%s: %w", c, err)
	}
	return ctx.Err()
}
