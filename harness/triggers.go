// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"lastpage/dut"
	"lastpage/kernels/plan"
)

// Names of the triggers of a trial.
const (
	trigProvoke = "provoke" // the provocation was rung in
	trigInject  = "inject"  // the interruption
	trigDone    = "done"    // the provocation was survived
	trigKey     = "key"     // and a key was sent
	trigDoor    = "door"    // the kernel came to the function before which the power goes
	trigDie     = "die"     // the machine dies where it was told to
	trigEnd     = "end"     // the last line of panic() is on the wire
	trigOver    = "over"    // panic() has come to its final loop
	trigDrained = "drained" // and nothing follows
	trigEmpty   = "empty"   // the same, known earlier
	trigSilent  = "silent"  // nothing at all any more, long after everything
	trigLimit   = "limit"   // the scenario's own limit
	trigTooLong = "too-long"
)

// Silences after which a trial is over, on the wire's clock. drained follows a known last word. empty follows the probe's word that panic()
// is in its final loop, after all its flushes: then only the transmitter's FIFO may still hold something, and other CPUs have long been
// stopped. silent must be longer than any wait in panic(): 1 s for CPUs to stop, then up to 10 s for the console to be handed over
// (kernel/printk/nbcon.c).
const (
	drained = 400 * time.Millisecond
	empty   = 60 * time.Millisecond
	silent  = 15 * time.Second
)

// tooLong bounds a trial: boot, and the backlog three times over at the wire's rate, then the waits.
func tooLong(wireBytes int64, byteNS int64) time.Duration {
	return 120*time.Second + 3*time.Duration(wireBytes*byteNS)
}

// triggers are those of a trial. pending is how many bytes were waiting at the provocation in the reference trial (-1 unknown).
func (s *Scenario) triggers(p *plan.Plan, in *Inject, pending int64, symbols map[string]uint64, byteNS int64) ([]dut.Trigger, error) {
	start := dut.Trigger{Name: trigProvoke, When: dut.AtEvent, Code: plan.Provoked, N: p.ProbeProvokes(), Do: dut.Note}
	if p.Provoke == plan.ProvokeNone && p.Run == nil {
		start.Code = plan.BacklogStored
	}
	ts := []dut.Trigger{start}
	last := trigProvoke
	if in != nil {
		t, err := in.trigger(s.action(), pending, symbols)
		if err != nil {
			return nil, err
		}
		t.Break, t.Bytes = s.Break, s.Keys
		ts = append(ts, t)
		last = trigInject
		if s.Before != "" {
			door := Inject{At: "symbol", Text: s.Before, N: 1}
			if t, err = door.trigger(dut.PowerCut, pending, symbols); err != nil {
				return nil, err
			}
			t.Name, t.After = trigDoor, trigInject
			ts = append(ts, t)
		}
	}
	end := s.end(p, in, last)
	steps, err := s.steps(append(slices.Clone(ts), end...), pending, symbols)
	if err != nil {
		return nil, err
	}
	ts = append(append(ts, end...), steps...)
	if s.Limit > 0 {
		ts = append(ts, dut.Trigger{Name: trigLimit, When: dut.AtTime, N: int64(s.Limit), After: trigProvoke, Do: dut.Stop})
	}
	return append(ts,
		dut.Trigger{Name: trigSilent, When: dut.AtQuiet, N: int64(silent), After: trigProvoke, Do: dut.Stop},
		dut.Trigger{Name: trigTooLong, When: dut.AtTime, N: int64(tooLong(int64(p.Backlog*(p.RecordLen+20)), byteNS)), Do: dut.Stop}), nil
}

var ErrNoSymbol = errors.New("the kernel has no symbol")

// errNoPending: a share of what nobody measured is no moment.
var errNoPending = errors.New("no reference trial has measured the pending bytes")

// trigger is the interruption itself.
func (in *Inject) trigger(do dut.Do, pending int64, symbols map[string]uint64) (dut.Trigger, error) {
	t := dut.Trigger{Name: trigInject, After: trigProvoke, Do: do}
	switch in.At {
	case "share":
		if pending < 0 {
			return t, errNoPending
		}
		t.When, t.N = dut.AtByte, max(1, int64(float64(pending)*in.Pct/100))
	case "byte":
		t.When, t.N = dut.AtByte, in.N
	case "time":
		t.When, t.N = dut.AtTime, int64(in.Time)
	case "pattern":
		t.When, t.Text = dut.AtPattern, in.Text
	case "symbol":
		addr, ok := symbols[in.Text]
		if !ok {
			return t, fmt.Errorf("inject %s: %w %q", in, ErrNoSymbol, in.Text)
		}
		t.When, t.N, t.Addr = dut.AtSymbol, in.N, addr
	default:
		return t, fmt.Errorf("inject: unknown kind %q", in.At)
	}
	return t, nil
}

// end are the triggers that know a last word of this scenario.
func (s *Scenario) end(p *plan.Plan, in *Inject, last string) []dut.Trigger {
	stop := func(name string, n time.Duration, after string) dut.Trigger {
		return dut.Trigger{Name: name, When: dut.AtQuiet, N: int64(n), After: after, Do: dut.Stop}
	}
	switch {
	case s.Ends != "":
		return []dut.Trigger{
			{Name: trigEnd, When: dut.AtPattern, Text: s.Ends, After: last, Do: dut.Note},
			stop(trigDrained, drained, trigEnd)}
	case in != nil && (s.action() == dut.PowerCut || s.action() == dut.Reset || s.Before != ""):
		return nil // the interruption is the end, or what comes of it
	case p.DieAt != plan.StepNone:
		return []dut.Trigger{
			{Name: trigDie, When: dut.AtEvent, Code: plan.Die, N: 1, After: last, Do: dut.Note},
			stop(trigDrained, drained, trigDie)}
	case s.Survives && in == nil:
		done := dut.Trigger{Name: trigDone, When: dut.AtEvent, Code: plan.ProvokeDone, N: 1, After: trigProvoke, Do: dut.Note}
		if p.Provoke == plan.ProvokeNone && p.Run == nil {
			done = dut.Trigger{Name: trigDone, When: dut.AtEvent, Code: plan.BacklogStored, N: 1, Do: dut.Note}
		}
		if s.Key == "" {
			return []dut.Trigger{done, stop(trigDrained, drained, trigDone)}
		}
		return []dut.Trigger{done,
			{Name: trigKey, When: dut.AtQuiet, N: int64(drained), After: trigDone, Do: dut.Send, Break: true, Bytes: s.Key},
			stop(trigDrained, drained, trigKey)}
	}
	end := []dut.Trigger{
		{Name: trigEnd, When: dut.AtPattern, Text: "---[ end Kernel panic", After: last, Do: dut.Note},
		stop(trigDrained, drained, trigEnd)}
	if n, known := marksToEnd[p.Nested]; known {
		end = append(end, dut.Trigger{Name: trigOver, When: dut.AtEvent, Code: plan.Mark, N: n, After: last, Do: dut.Note},
			stop(trigEmpty, empty, trigOver))
	}
	return end
}

// marksToEnd says which plan.Mark of a panic is plan.MarkPanicEnd: after the beginning of what is nested, and its end if it has one.
// A panic in which a notifier oopses may never come there, or by a second panic.
var marksToEnd = map[plan.Nested]int64{plan.NestedNone: 1, plan.NestedWarn: 3, plan.NestedPanicOther: 2}
