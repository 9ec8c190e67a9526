// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/dut/bench/power"
	"lastpage/kernels/plan"
)

// watch judges triggers by what has come over the line and by this machine's clock, and does what they say.
type watch struct {
	*machine
	log    *wire.Log
	cursor []int64 // of AtPattern: the log is searched up to here
	seen   int64   // for what ends the trial
	told   int64   // for what the guest reports
	probe  *probe
	end    dut.End
	over   bool
}

func newWatch(m *machine) *watch {
	w := &watch{machine: m, log: m.line.log, cursor: make([]int64, len(m.armed)), seen: m.armedAt.off, told: m.armedAt.off, end: dut.End{By: "trigger", Firing: -1}}
	for i := range w.cursor {
		w.cursor[i] = m.kernelAt
	}
	w.probe = &probe{plan: m.p.Plan, log: w.log, from: m.armedAt.off, armed: m.armedAt}
	return w
}

// idle bounds a wait for nothing in particular.
const idle = time.Second

// run goes on until a trigger stops it or the board speaks as another system.
func (w *watch) run(ctx context.Context) (dut.End, error) {
	for {
		n := w.log.Len()
		if err := w.step(ctx, n); err != nil {
			return w.end, err
		}
		if w.over {
			w.probe.refine(w)
			return w.end, nil
		}
		wait, cancel := context.WithTimeout(ctx, w.pause())
		err := w.log.Wait(wait, n+1)
		cancel()
		if ctx.Err() != nil {
			return w.end, context.Cause(ctx)
		}
		if errors.Is(err, wire.ErrClosed) {
			return w.end, fmt.Errorf("console %s: %w", w.s.Place, err)
		}
	}
}

// step fires what is due when n bytes have come, the triggers in their order, until none is.
func (w *watch) step(ctx context.Context, n int64) error {
	for again := true; again && !w.over; {
		again = false
		for i := range w.armed {
			if w.fired[i].Fired || w.after[i] >= 0 && !w.fired[w.after[i]].Fired {
				continue
			}
			at, source, ok := w.due(i, n)
			if !ok {
				continue
			}
			if err := w.fire(ctx, i, at, source); err != nil || w.over {
				return err
			}
			again = true
		}
	}
	w.complained(n)
	w.reborn(n)
	return nil
}

// guestError is the end of a trial whose guest reports, after it was armed, that it cannot go on: nothing else will come.
const guestError = "guest-error"

// complained looks for such a report. The other copy of the one that it was armed is left alone.
func (w *watch) complained(n int64) {
	for !w.over {
		message, end := plan.FindReport(w.log.Bytes(w.told, n))
		w.told += int64(end)
		if message == nil {
			return
		}
		if message.Event == plan.EventError {
			w.messages = append(w.messages, *message)
			w.over, w.end.By = true, guestError
		}
	}
}

// base is from where a trigger counts.
func (w *watch) base(i int) moment {
	if a := w.after[i]; a >= 0 {
		return moment{w.fired[a].NS, int64(w.fired[a].WireByte)}
	}
	return moment{w.armedAt.ns, 0}
}

// due says whether the condition of a trigger holds, and since when.
func (w *watch) due(i int, n int64) (moment, dut.Source, bool) {
	t, base := &w.armed[i], w.base(i)
	switch t.When {
	case dut.AtByte:
		if want := base.off + t.N; n >= want {
			return w.at(want), dut.OnWire, true
		}
	case dut.AtTime:
		if t := now(); t >= base.ns+w.armed[i].N {
			return moment{base.ns + w.armed[i].N, w.log.OffsetAt(base.ns + w.armed[i].N)}, dut.Host, true
		}
	case dut.AtQuiet:
		last := max(base.ns, w.at(n).ns)
		if now() >= last+t.N {
			return moment{last + t.N, n}, dut.Host, true
		}
	case dut.AtPattern:
		from := max(w.cursor[i], base.off)
		if k := bytes.Index(w.log.Bytes(from, n), []byte(t.Text)); k >= 0 {
			return w.at(from + int64(k+len(t.Text))), dut.OnWire, true
		}
		w.cursor[i] = max(from, n-int64(len(t.Text))+1)
	case dut.AtEvent:
		return w.probe.saw(t.Code, n)
	}
	return moment{}, "", false
}

// pause is how long until a trigger may be due though no byte comes.
func (w *watch) pause() time.Duration {
	next := now() + int64(idle)
	n := w.log.Len()
	for i := range w.armed {
		if w.fired[i].Fired || w.after[i] >= 0 && !w.fired[w.after[i]].Fired {
			continue
		}
		t, base := &w.armed[i], w.base(i)
		switch t.When {
		case dut.AtTime:
			next = min(next, base.ns+t.N)
		case dut.AtQuiet:
			next = min(next, max(base.ns, w.at(n).ns)+t.N)
		case dut.AtEvent:
			if due, ok := w.probe.expected(t.Code); ok {
				next = min(next, due)
			}
		}
	}
	return max(time.Millisecond, time.Duration(next-now()))
}

// fire does what a trigger says. A moment that only was to be noted is that of its condition; where we acted, it is when that was done.
func (w *watch) fire(ctx context.Context, i int, at moment, source dut.Source) error {
	t, f := &w.armed[i], &w.fired[i]
	if t.Delay > 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Duration(at.ns + int64(t.Delay) - now())):
		}
		at.ns += int64(t.Delay)
	}
	f.Fired = true
	f.Moment = dut.Moment{NS: at.ns, WireByte: dut.Offset(at.off), Source: source, UncertaintyNS: w.grain(at.off)}
	begin := now()
	w.struck = w.struck || t.Do == dut.NMI || t.Do == dut.Send
	var err error
	switch t.Do {
	case dut.Note:
		return nil
	case dut.Stop:
		w.over, w.end.Firing = true, i
		return nil
	case dut.NMI:
		err = w.s.NMI.Press(ctx)
	case dut.Send:
		if t.Break {
			err = w.line.sysrq(ctx, t.Bytes)
		} else {
			err = w.line.send(ctx, t.Bytes)
		}
	case dut.PowerCut:
		err = w.s.Power.Off(ctx)
		w.over, w.end.Firing = true, i
	case dut.Reset:
		if err = w.s.Power.Off(ctx); err == nil {
			err = w.s.Power.On(ctx)
		}
	default:
		err = fmt.Errorf("no action %q", t.Do)
	}
	if err != nil {
		return fmt.Errorf("trigger %s: %w", t.Name, err)
	}
	done := now()
	late := done - at.ns
	f.Moment = dut.Moment{NS: done, WireByte: dut.Offset(w.log.OffsetAt(done)), Source: dut.Host, UncertaintyNS: done - begin}
	f.LateNS = &late
	if t.Do == dut.PowerCut {
		_, err = power.Turn(ctx, w.s.Power, power.Off, w.s.Within.Power)
	}
	return err
}

// grain is how far apart bytes came where off is: bytes that one read returned have one time.
func (w *watch) grain(off int64) int64 {
	last, ok := w.log.TimeAt(off - 1)
	for i := off - 2; ok && i >= 0; i-- {
		ns, held := w.log.TimeAt(i)
		if !held {
			return 0
		}
		if ns != last {
			return last - ns
		}
	}
	return 0
}

// guestReset is the end of a machine that its loader speaks for again.
const guestReset = "guest-reset"

// reborn looks whether the board speaks as another system: its loader, a crash kernel.
func (w *watch) reborn(n int64) {
	data := w.log.Bytes(w.seen, n)
	for _, words := range []struct{ text, by string }{{w.s.Boot.Banner(), guestReset}, {versionWords, dut.AnotherKernel}} {
		if k := bytes.Index(data, []byte(words.text)); words.text != "" && k >= 0 && !w.over {
			at := w.seen + int64(bytes.LastIndexByte(data[:k], '\n')+1)
			w.over, w.end.By, w.end.Firing, w.end.Wire = true, words.by, -1, &at
		}
	}
	if last := bytes.LastIndexByte(data, '\n'); last >= 0 {
		w.seen += int64(last) // the line that is not whole is looked at again, with its line end in front
	}
}
