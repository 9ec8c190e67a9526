// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/harness/foreign"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// Regrade grades the trial in dir from its files alone: no board is needed, and nothing in the folder is changed.
func Regrade(ctx context.Context, dir string) (*Trial, error) {
	t, err := LoadTrial(dir)
	if t == nil {
		return nil, err
	}
	unfinished := err != nil
	in, err := t.evidence(ctx)
	if err != nil {
		return nil, err
	}
	if unfinished {
		in.Void = append(in.Void, ErrUnfinished.Error())
	}
	t.Grade = t.make(in)
	return t, nil
}

// evidence reads the files of the trial's folder that a grade is made of.
func (t *Trial) evidence(ctx context.Context) (grade.Input, error) {
	log, info, err := wire.LoadDir(t.dir)
	if err != nil {
		return grade.Input{}, fmt.Errorf("trial %s: %w", t.dir, err)
	}
	rl, why := t.ring(ctx)
	in := t.input(log, rl, why)
	in.WireFinished = info.Finished
	return in, nil
}

// make grades in. An uninterrupted trial in which a section is not there that its scenario says there is, is void: nothing was provoked as it
// says. It is there if it is stored or was sent; the ringbuffer may have been overwritten since. Without a ringbuffer that cannot be told.
func (t *Trial) make(in grade.Input) *grade.Grade {
	g := grade.Make(in)
	if in.Ring == nil {
		return g
	}
	if t.ignored(g) && !grade.Survived(in.Ring, in.RunID) {
		in.Void = append(in.Void, fmt.Sprintf("the interruption (%s) did nothing: no record of a panic is stored or was sent, and the backlog went on to its end: a kernel that prints may drop what an idle one hears", t.Order.Inject))
		return grade.Make(in)
	}
	if t.Order.Inject != nil {
		return g
	}
	again := false
	for _, name := range t.Order.Sections {
		if s := g.Sections[name]; s == nil || s.Stored == nil || s.Stored.Records == 0 && s.Wire.Records == 0 {
			why := "what was to provoke it did not"
			if n := g.Ring.Overwritten; n != nil && *n > 0 {
				why = fmt.Sprintf("%d records were overwritten, it may have been among them", *n)
			}
			in.Void = append(in.Void, fmt.Sprintf("the scenario expects a section %q, and no record of one is stored or was sent: %s", name, why))
			again = true
		}
	}
	if again {
		return grade.Make(in)
	}
	return g
}

// ignored says that the machine was told to panic and shows no trace of it: its whole backlog was sent, some of it after that, and the probe
// saw no panic() either.
func (t *Trial) ignored(g *grade.Grade) bool {
	if g.CameToPanicEnd() {
		return false
	}
	f, ok := t.fired(trigInject)
	told := slices.ContainsFunc(t.Order.Triggers, func(x dut.Trigger) bool {
		return x.Name == trigInject && (x.Do == dut.NMI || x.Do == dut.Send && x.Break && x.Bytes == crashKey)
	})
	p, b := g.Sections[grade.Panic], g.Sections[grade.Backlog]
	return ok && told && b != nil && b.Stored != nil && b.Wire != nil && b.LastByte != nil &&
		(p == nil || p.Stored != nil && p.Stored.Records == 0 && p.Wire != nil && p.Wire.Records == 0) &&
		b.Stored.Records > 0 && b.Wire.Records == b.Stored.Records && *b.LastByte > int64(f.WireByte)
}

// crashKey is the key of sysrq that panics.
const crashKey = "c"

// ring reads the trial's ring.elf; without one, why not.
func (t *Trial) ring(ctx context.Context) (*ring.Log, string) {
	path := filepath.Join(t.dir, RingName)
	core, err := ring.OpenCore(path)
	if text := filepath.Join(t.dir, RingText); errors.Is(err, fs.ErrNotExist) && Exists(text) {
		log, err := ring.Load(ctx, text, ring.LoadOptions{})
		if err != nil {
			return nil, err.Error()
		}
		return log, ""
	}
	if errors.Is(err, fs.ErrNotExist) {
		if t.RingWhy != "" {
			return nil, t.RingWhy
		}
		return nil, "no " + RingName + " in the folder"
	}
	if err != nil {
		return nil, err.Error()
	}
	defer core.Close()
	log, err := core.Log(ctx)
	if err != nil {
		return nil, fmt.Sprintf("%s: %v", path, err)
	}
	return log, ""
}

// input is what the grade is made of, from what trial.json says.
func (t *Trial) input(log *wire.Log, rl *ring.Log, why string) grade.Input {
	p := t.Order.Plan
	in := grade.Input{Wire: log, Ring: rl, RingWhy: why, RunID: p.RunID, BootLoglevel: t.bootLevel(rl), Reference: t.Order.Expected,
		BacklogRecords: p.Backlog, Void: append([]string{}, t.Void...),
		Evidence: map[string]string{"dir": t.dir, "wire": wire.BinName, "index": wire.IdxName, "ring": RingName}}
	if t.End != nil {
		in.WireBegin, in.WireEnd = t.End.Begin, t.End.Wire
	}
	in.Lacks = t.Lacks
	if t.Armed != nil {
		in.Loglevel = t.Armed.ConsoleLoglevel
		if rl != nil && rl.Release != t.Armed.Release && (rl.Release != "" || rl.Witness.Kind == "") { // the end of a log does not tell
			in.Void = append(in.Void, fmt.Sprintf("the dump is of Linux %s, the guest was %s", rl.Release, t.Armed.Release))
		}
	}
	for _, e := range t.rung() {
		in.Events = append(in.Events, grade.Event{Code: e.Code, Arg: e.Arg, NS: e.NS, WireByte: int64(e.WireByte), CPU: e.CPU, Writer: e.Writer})
	}
	if t.Events == nil && t.Provoked != nil {
		in.Events = []grade.Event{{Code: plan.Provoked, Arg: uint32(plan.ProvokeArg(p.Provoke)), NS: t.Provoked.NS, WireByte: int64(t.Provoked.WireByte)}}
	}
	if at, ok := t.handedOver(); ok {
		ns, _ := log.TimeAt(at)
		in.Events = append(in.Events, grade.Event{Code: plan.CrashExec, NS: ns, WireByte: at})
	}
	if f, ok := t.fired(trigInject); ok {
		in.Inject = &grade.Point{NS: f.NS, WireByte: int64(f.WireByte)}
	}
	if rl != nil && p.Backlog > 0 && !holdsRun(rl, p) {
		in.Void = append(in.Void, "the dump holds no record of this run: it is of another boot")
	}
	return in
}

// handedOver is where on the wire a crash kernel took over, of a board without a doorbell that would ring for it.
func (t *Trial) handedOver() (at int64, ok bool) {
	if t.Events != nil || t.End == nil || t.End.By != dut.AnotherKernel || t.End.Wire == nil || t.Armed == nil || !t.Armed.CrashLoaded {
		return 0, false
	}
	return *t.End.Wire, true
}

// rung are the events of a trial, without those that the probe rang for the provocation which a Run takes the place of.
func (t *Trial) rung() []dut.Event {
	if t.Order.Plan.ProbeProvokes() == 1 {
		return t.Events
	}
	left := map[plan.Code]bool{plan.Provoked: true, plan.ProvokeDone: true}
	var all []dut.Event
	for _, e := range t.Events {
		if left[e.Code] {
			left[e.Code] = false
			continue
		}
		all = append(all, e)
	}
	return all
}

// bootLevel is console_loglevel as the command line sets it: the ring's own, or that of the order.
func (t *Trial) bootLevel(rl *ring.Log) int {
	line := t.Order.Cmdline
	if rl != nil {
		if said := foreign.CommandLine(rl.Records); said != "" {
			line = said
		}
	}
	level, _ := foreign.BootLevel(line)
	return level
}

// holdsRun says whether a record of the probe carries this run's id.
func holdsRun(rl *ring.Log, p *plan.Plan) bool {
	for i := range rl.Records {
		if bytes.Contains(rl.Records[i].Text, []byte("lastpage "+p.RunID)) {
			return true
		}
	}
	return false
}

// regrade grades the trial that was just conducted, from its files like any other, and writes the views for people.
func (t *Trial) regrade(ctx context.Context) error {
	g, err := Regrade(ctx, t.dir)
	if err != nil {
		return err
	}
	t.Grade = g.Grade
	var text bytes.Buffer
	if err := grade.WriteText(&text, t.Grade); err != nil {
		return err
	}
	return errors.Join(WriteFile(filepath.Join(t.dir, GradeName), text.Bytes()), t.views(ctx))
}

// views writes what people read: the console as a terminal would show it, and the ringbuffer as dmesg prints it.
func (t *Trial) views(ctx context.Context) error {
	log, _, err := wire.LoadDir(t.dir)
	if err != nil {
		return err
	}
	if err := t.view(ConsoleName, func(w io.Writer) error { return wire.WriteConsole(w, log) }); err != nil {
		return err
	}
	rl, _ := t.ring(ctx)
	if rl == nil {
		return nil
	}
	return t.view(DmesgName, func(w io.Writer) error { return ring.WriteDmesg(w, rl) })
}

func (t *Trial) view(name string, print func(io.Writer) error) error {
	var b bytes.Buffer
	if err := print(&b); err != nil {
		return err
	}
	return WriteFile(filepath.Join(t.dir, name), b.Bytes())
}
