// SPDX-License-Identifier: Apache-2.0

// Package bench is a board put together from parts: a console, a power switch, a way to boot, and what else a lab has, each of which may be
// missing. It knows no machine, only its cable and its switches.
//
// Data comes in as a Setup and a Payload (kernel, initramfs, command line) and goes out as a dut.Board. Time is this machine's: what
// happened at the board is told by its own lines on the console, or by our clock when we acted, each with its uncertainty.
package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lastpage/capture/port"
	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/dut/bench/power"
	"lastpage/kernels/plan"
)

// Console is the line to a board.
type Console interface {
	// Log has every byte since it was opened, with the time at which it came, on wire.Monotonic.
	Log() *wire.Log
	// Run reads until ctx ends; the report says what was lost.
	Run(ctx context.Context, w *wire.Writer) (*port.Report, error)
	port.Line
}

// Setup is a board as the inventory describes it.
type Setup struct {
	Name    string
	Console func(ctx context.Context) (Console, error)
	Place   string // of the console, for errors
	Baud    int
	Breaks  bool // the console carries a BREAK
	Power   power.Switch
	NMI     power.Button // nil: there is none
	Reset   power.Button // which leaves the memory as it is; nil: there is none
	Boot    Loader
	Dump    Dump // nil: there is none
	// Within bounds each step that nothing else bounds.
	Within Limits
	Doubt  string // why a kernel that dies while it boots may be the board's doing; "": it is the kernel's
	Facts  map[string]string
}

// Limits bound steps of a trial on a bench.
type Limits struct {
	Power time.Duration // until the switch says that it has switched
	Boot  time.Duration // from the loader's last word until the guest is armed
	Tries int           // how often the loader is tried, each time from power off
}

// Payload is what a board boots.
type Payload struct {
	Board   string // whose files these are, in a folder that boards may share; set by Open
	Kernel  string // path of the kernel's file
	Initrd  []byte
	Cmdline string
	Plan    *plan.Plan
}

// settleQuiet is how long a board without power must have been silent before its line counts as the trial's.
const settleQuiet = 500 * time.Millisecond

// Open opens the console, switches the board off, and gives the board, which is about to boot p.
func Open(ctx context.Context, s *Setup, p Payload) (*dut.Board, error) {
	b, err := open(ctx, s, p)
	if err != nil && ctx.Err() == nil {
		err = &dut.BoardError{Board: s.Name, Err: err}
	}
	return b, err
}

func open(ctx context.Context, s *Setup, p Payload) (*dut.Board, error) {
	con, err := s.Console(ctx)
	if err != nil {
		return nil, fmt.Errorf("console: %w", err) // which names its place
	}
	caps := con.Caps()
	p.Board = s.Name
	m := &machine{s: s, p: p, line: newLine(con, s.Baud)}
	if !caps.Write {
		return nil, errors.Join(fmt.Errorf("console %s: nothing can be typed on it", s.Place), m.line.close())
	}
	if err := m.power(ctx, power.Off); err != nil {
		return nil, errors.Join(err, m.line.close())
	}
	if err := m.line.quiet(ctx, settleQuiet, settleLimit); err != nil {
		return nil, errors.Join(fmt.Errorf("power off: %w: look whether it is the right outlet, and the right console", err), m.line.close())
	}
	m.line.begin()
	facts := map[string]string{"console": s.Place}
	if len(caps.Unseen) > 0 {
		facts["console cannot see"] = strings.Join(caps.Unseen, "; ")
	}
	for k, v := range s.Facts {
		facts[k] = v
	}
	b := dut.Board{Name: s.Name, Mode: "bench", Start: dut.Start{Kind: dut.FromBoot}, Facts: facts, Wire: m.line.log, Machine: m, Said: m.said,
		Audit: m.audit, BootDoubt: s.Doubt}
	if s.Dump != nil {
		b.Dump = func(ctx context.Context, dir string) error {
			return m.dump(ctx, dir)
		}
	}
	m.facts = facts
	return dut.New(b, m.close), nil
}

// dump brings what the memory of the machine held, if it has died as its kind of dump wants it.
func (m *machine) dump(ctx context.Context, dir string) error {
	switch d := m.s.Dump.(type) {
	case *Kdump:
		if !m.mayBeDead() {
			return errLives
		}
		l, done, err := m.afterwards(ctx)
		if err != nil { // its memory may be had though nobody hears it
			if derr := d.Dump(ctx, dir); derr != nil {
				return errors.Join(derr, err)
			}
			return nil
		}
		defer done()
		return overheard(l, dir, func() error { return d.Dump(ctx, dir) })
	case *DumpCommand:
		d.of(m.place())
	case *Pstore:
		return m.kept(ctx, d, dir)
	case *RAM:
		return m.remembered(ctx, d, dir)
	}
	return m.s.Dump.Dump(ctx, dir)
}

// settleLimit bounds the wait for that silence.
const settleLimit = 15 * time.Second

// power switches, and notes whether the switch could confirm it.
func (m *machine) power(ctx context.Context, want power.State) error {
	verified, err := power.Turn(ctx, m.s.Power, want, m.s.Within.Power)
	m.unverified = m.unverified || err == nil && !verified
	return err
}

func (m *machine) close() error {
	if m.unverified {
		m.facts["power"] = "the switch cannot tell its state"
	}
	return errors.Join(m.s.Boot.Clean(), m.line.close())
}

// said is what the guest reported on its console.
func (m *machine) said() []plan.Message { return m.messages }

// toldMarks is how many places of losses are told; all are in the log.
const toldMarks = 3

// audit ends the capture, and is what that knows of its own losses since the kernel was started. A glitch of the line when the power came is
// none of them.
func (m *machine) audit() dut.Audit {
	err := m.line.close()
	a := dut.Audit{Figures: map[string]int64{"console_bytes": m.line.log.Len()}, Losses: []string{}, Void: []string{}}
	void := func(format string, args ...any) {
		a.Void = append(a.Void, "the console: "+fmt.Sprintf(format, args...))
	}
	var marks []string
	for _, k := range m.line.marks() {
		a.Figures["console_"+strings.ReplaceAll(k.Kind.String(), " ", "_")]++
		if k.Kind.Lossy() && k.Off >= m.kernelAt {
			marks = append(marks, fmt.Sprintf("%s at byte %d", k.Kind, k.Off))
		}
	}
	if n := len(marks) - toldMarks; n > 0 {
		marks = append(marks[:toldMarks], fmt.Sprintf("and %d more", n))
	}
	switch r := m.line.report; {
	case len(marks) > 0:
		void("%s%s", strings.Join(marks, ", "), m.line.because())
	case r != nil:
		if r.Baud != 0 && r.Baud != m.s.Baud {
			void("%d baud were asked for, %d are set", m.s.Baud, r.Baud)
		}
		for _, o := range r.Others {
			void("another program had the port open too: %s", o)
		}
		if r.Unread > 0 {
			void("the port received %d bytes that we never got", r.Unread)
		}
	}
	if at := m.rebooted(); at >= 0 {
		a.Void = append(a.Void, fmt.Sprintf("the board came back to its loader at byte %d, and its kernel had not said that it dies: look at its power, and at its watchdog", at))
	}
	if err != nil {
		void("%v", err)
	}
	return a
}
