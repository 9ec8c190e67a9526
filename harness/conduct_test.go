// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"lastpage/dut"
	"lastpage/dut/duttest"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// An interrupted WARN is stored as far as the strategy stores it, on a board without any kernel: the harness needs nothing of QEMU.
func TestConductInMemory(t *testing.T) {
	for _, c := range []struct {
		inline bool
		stored int // of 5 records
		letter string
	}{{true, 1, "F"}, {false, 5, "A"}} {
		ref, trial, err := try(t, &scripted{inline: c.inline}, series(t, "warn-nmi-panic", "share:50%"), "")
		if err != nil {
			t.Fatal(err)
		}
		if ref.IsVoid() || ref.Grade.Letter != "A" || ref.Grade.Sections[grade.Warn].Stored.Records != 5 {
			t.Errorf("inline %v: the reference: %v, %+v", c.inline, ref.Reasons(), ref.Grade)
		}
		w := trial.Grade.Sections[grade.Warn]
		if trial.IsVoid() || w.Stored.Records != c.stored || w.Expected.Records != 5 || trial.Grade.Letter != c.letter {
			t.Errorf("inline %v: %v; WARN %+v, letter %s", c.inline, trial.Reasons(), w.Stored, trial.Grade.Letter)
		}
		if p := trial.Provoked; p == nil || p.Source != dut.Doorbell || !p.WireByte.Known() {
			t.Errorf("provoked %+v", p)
		}
	}
}

// Each reason for which a trial is void turns it void, alone.
func TestVoidReasons(t *testing.T) {
	for _, c := range []struct {
		name     string
		scenario string
		inject   string
		change   func(*duttest.Script)
		want     string
	}{
		{"the tap lost something", "warn-nmi-panic", "share:50%", func(s *duttest.Script) { s.Void = []string{"overrun"} }, "overrun"},
		{"the guest failed", "warn-nmi-panic", "share:50%", func(s *duttest.Script) {
			s.Said = append(s.Said, plan.Message{Event: plan.EventError, Text: "no probe"})
		}, "the guest could not do what was asked: no probe"},
		{"not armed", "warn-nmi-panic", "share:50%", func(s *duttest.Script) { s.Said = nil }, "never reported that it was armed"},
		{"loglevel", "warn-nmi-panic", "share:50%", func(s *duttest.Script) { s.Said[0].ConsoleLoglevel = 4 }, "console_loglevel read back as 4, 7 was asked"},
		{"not provoked", "warn", "", func(s *duttest.Script) { s.Steps = without(s.Steps, plan.Provoked) }, "the provocation never happened"},
		{"not interrupted", "warn-nmi-panic", "byte:100000", nil, "the interruption (byte:100000) never happened"},
		{"too long", "warn", "", func(s *duttest.Script) {
			s.Steps = append(without(s.Steps, plan.ProvokeDone), duttest.Step{After: 14e9, Say: "x"}, duttest.Step{After: 14e9, Say: "x"})
			for range 12 {
				s.Steps = append(s.Steps, duttest.Step{After: 14e9, Say: "x"})
			}
		}, "did not end in the time it was given"},
		{"another kernel's dump", "warn", "", func(s *duttest.Script) { s.Release = "1.0" }, "the dump is of Linux 1.0"},
		{"another boot's dump", "warn", "", func(s *duttest.Script) {
			for i, st := range s.Steps {
				if st.Store != nil && strings.HasPrefix(string(st.Store.Text), "lastpage ") {
					s.Steps[i].Store.Text = plan.Record{RunID: "00000000", Kind: plan.KindBacklog, N: 1, Len: 60}.Text()
				}
			}
		}, "the dump holds no record of this run"},
		{"the power was to go at a door", "dies-before:final-flush", "share:50%", func(s *duttest.Script) { s.NMI = s.NMI[1:] }, "never came to the function"},
		{"one panic", "nested:panic-on-other-cpu", "", func(s *duttest.Script) {
			s.Steps = append(s.Steps, duttest.Step{Ring: &dut.Event{Code: plan.Provoked, Arg: uint32(plan.ProvokeArg(plan.ProvokePanic))}})
		}, "the second panic did not come after the first"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &scripted{}
			var injects []string
			if c.inject != "" {
				injects = append(injects, c.inject)
			}
			o := series(t, c.scenario, injects...)
			s := subjectOn(b)
			s.Names = append(s.Names, "console_flush_on_panic")
			a := Try{Inject: o.Inject0(), Ref: standIn(s.Names)}
			a.Ref.Grade.PendingAtProvoke.Bytes = 400
			good, err := o.Trial(t.Context(), s, a, "")
			if err != nil {
				t.Fatal(err)
			}
			if c.change != nil && good.IsVoid() && c.scenario != "nested:panic-on-other-cpu" {
				t.Errorf("void without a reason: %v", good.Reasons())
			}
			b.change = c.change
			bad, err := o.Trial(t.Context(), s, a, "")
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(bad.Reasons(), func(why string) bool { return strings.Contains(why, c.want) }) || !bad.IsVoid() || bad.Grade.Letter != "" {
				t.Errorf("letter %q, void %q, want %q", bad.Grade.Letter, bad.Reasons(), c.want)
			}
		})
	}
}

// What a board cannot do or say is a word beside the grade: no hang, no void, no letter that is not earned.
func TestMissingCapabilities(t *testing.T) {
	for _, c := range []struct {
		lacks  duttest.Capability
		want   string
		letter string
	}{
		{duttest.Channel, "no second channel", "A"},
		{duttest.Doorbell, "no doorbell", ""},
		{duttest.Audit, "nothing accounts for the bytes", "A"},
		{duttest.Knob, "cannot be delayed", "A"},
		{duttest.InMemory, "", "A"},
		{duttest.Offsets, "", "A"},
	} {
		b := &scripted{change: func(s *duttest.Script) { s.Lacks = []duttest.Capability{c.lacks} }}
		o := series(t, "warn-nmi-panic", "share:50%")
		o.PhaseUS = 100
		s := subjectOn(b)
		ref, err := (&Series{Scenario: o.Scenario, Shape: o.Shape}).Trial(t.Context(), subjectOn(&scripted{}), Try{Reference: true}, "")
		if err != nil {
			t.Fatal(err)
		}
		trial, err := o.Trial(t.Context(), s, Try{N: 1, Inject: o.Inject(1), Ref: ref}, "")
		if err != nil {
			t.Fatalf("without %s: %v", c.lacks, err)
		}
		if c.letter != "" && (trial.IsVoid() || trial.Grade.Letter != c.letter) {
			t.Errorf("without %s: void %v, letter %q (%s)", c.lacks, trial.Reasons(), trial.Grade.Letter, trial.Grade.Why)
		}
		if said := strings.Join(trial.Grade.Notes, "\n"); !strings.Contains(said, c.want) {
			t.Errorf("without %s the notes are %q, want %q", c.lacks, said, c.want)
		}
		if c.lacks == duttest.Offsets && !trial.Provoked.WireByte.Known() {
			t.Error("the harness did not find the provocation on the wire")
		}
	}
}

// An error at any step ends the trial with that error and a closed board; a hang ends with the context.
func TestConductFails(t *testing.T) {
	boom := errors.New("boom")
	for _, call := range []duttest.Call{duttest.Open, duttest.Arm, duttest.Run, duttest.Closing, duttest.Dumping} {
		for _, dir := range []string{"", t.TempDir()} {
			b := &scripted{change: func(s *duttest.Script) { s.Fail = map[duttest.Call]error{call: boom} }}
			if dir != "" {
				dir = filepath.Join(dir, string(call))
			}
			trial, err := series(t, "warn").Trial(t.Context(), subjectOn(b), Try{}, dir)
			if call == duttest.Dumping { // a fact about the trial
				if err != nil || !strings.Contains(trial.RingWhy, "boom") {
					t.Errorf("%s: %v, %+v", call, err, trial)
				}
			} else if !errors.Is(err, boom) {
				t.Errorf("%s: %v", call, err)
			}
			if b.last.Opened != b.last.Closed {
				t.Errorf("%s: opened %d, closed %d", call, b.last.Opened, b.last.Closed)
			}
		}
	}
	for _, call := range []duttest.Call{duttest.Open, duttest.Run} {
		ctx, cancel := context.WithCancelCause(t.Context())
		b := &scripted{change: func(s *duttest.Script) { s.Hang = call; cancel(boom) }}
		if _, err := series(t, "warn").Trial(ctx, subjectOn(b), Try{}, filepath.Join(t.TempDir(), "x")); !errors.Is(err, boom) && !errors.Is(err, context.Canceled) {
			t.Errorf("hang in %s: %v", call, err)
		}
	}
}

// What cannot be written is the first thing that is said, and the board is closed whoever was reading it.
func TestConductCannotWrite(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	if err := os.Mkdir(taken, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for where, want := range map[string]string{taken: "never writes over another", filepath.Join(file, "x"): "not a directory"} {
		b := &scripted{}
		_, err := series(t, "warn").Trial(t.Context(), subjectOn(b), Try{}, where)
		if first, _, _ := strings.Cut(err.Error(), "\n"); !strings.Contains(first, want) {
			t.Errorf("%s: %v", where, err)
		}
		if b.last.Closed != 1 {
			t.Errorf("%s: the board is open", where)
		}
	}
}

// A kernel that dies before it is armed is one typed error, unless the board may have killed it.
func TestConductBootError(t *testing.T) {
	dies := func(s *duttest.Script) {
		s.Steps = []duttest.Step{{Say: "Linux version\r\nKernel panic - not syncing: no init\r\n"}}
		s.Said, s.EndBy = nil, "guest-reset"
	}
	_, err := series(t, "warn").Trial(t.Context(), subjectOn(&scripted{change: dies}), Try{}, "")
	var boot *dut.BootError
	if !errors.As(err, &boot) || !strings.Contains(boot.Error(), "no init") {
		t.Errorf("%v", err)
	}
	mute := func(s *duttest.Script) { s.Steps, s.Said, s.EndBy = nil, nil, "gone" }
	silent, err := series(t, "warn").Trial(t.Context(), subjectOn(&scripted{change: mute}), Try{}, "")
	if err != nil || !silent.IsVoid() {
		t.Errorf("a board that never said a word: %v, %+v", err, silent)
	}
	t2, err := series(t, "warn").Trial(t.Context(), subjectOn(&doubtful{scripted{change: dies}}), Try{}, "")
	if err != nil || !t2.IsVoid() || !slices.ContainsFunc(t2.Reasons(), func(s string) bool { return strings.Contains(s, "the board's doing") }) {
		t.Errorf("%v, %+v", err, t2)
	}
}

// A machine that repeats itself and did not come to its end is not asked again; another one is.
func TestOverdueIsNotRepeated(t *testing.T) {
	for repeats, opened := range map[bool]int{true: 1, false: 3} {
		b := &scripted{change: func(s *duttest.Script) {
			for range 500 {
				s.Steps = append(s.Steps, duttest.Step{After: 300_000_000, Say: "."})
			}
		}}
		s := subjectOn(b)
		s.Repeats = repeats
		o := series(t, "warn")
		o.Retries = 2
		tr, voids, err := o.Valid(t.Context(), s, Try{}, t.TempDir(), "trial-001")
		if err != nil || tr != nil || len(voids) != opened || b.opened != opened || !strings.HasPrefix(voids[0].Overdue, "the line was not silent within 2m0s") {
			t.Errorf("repeats %t: %v, %+v, opened %d", repeats, err, voids, b.opened)
		}
	}
}

// doubtful is a bench that may kill kernels.
type doubtful struct{ scripted }

func (d *doubtful) Open(ctx context.Context, o *Order) (*dut.Board, error) {
	b, err := d.scripted.Open(ctx, o)
	if b != nil {
		b.BootDoubt = "it has been seen"
	}
	return b, err
}

// What a crash kernel says after the dead one is neither graded nor explained as the dead one's.
func TestWireEnd(t *testing.T) {
	end := int64(0)
	b := &scripted{}
	o := series(t, "warn")
	whole, err := o.Trial(t.Context(), subjectOn(b), Try{}, "")
	if err != nil {
		t.Fatal(err)
	}
	end = whole.Grade.Wire.Bytes
	b.change = func(s *duttest.Script) {
		s.Steps = append(s.Steps, duttest.Step{Say: "Linux version 1.0 (crash kernel)\r\n[    0.000000] ---[ end trace 0000000000000000 ]---\r\n"})
		s.WireEnd = &end
	}
	cut, err := o.Trial(t.Context(), subjectOn(b), Try{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if cut.Grade.Letter != whole.Grade.Letter || cut.Grade.Console.Reboots != 0 || !strings.Contains(strings.Join(cut.Grade.Notes, "\n"), "not this kernel's") {
		t.Errorf("letter %q, %q: %v", cut.Grade.Letter, whole.Grade.Letter, cut.Grade.Notes)
	}
}

// A trial that the harness did not live to finish is no evidence, however whole its files look.
func TestRegradeUnfinished(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "trial")
	whole, err := series(t, "warn").Trial(t.Context(), subjectOn(&scripted{}), Try{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Regrade(t.Context(), dir)
	if err != nil || len(again.Grade.Void) > 0 || again.Provoked.NS != whole.Provoked.NS {
		t.Fatalf("%v, %+v", err, again)
	}
	whole.Status = Unfinished
	if err := whole.save(); err != nil {
		t.Fatal(err)
	}
	again, err = Regrade(t.Context(), dir)
	if err != nil || !slices.Contains(again.Grade.Void, ErrUnfinished.Error()) || again.Grade.Letter != "" {
		t.Errorf("%v, %+v", err, again.Grade)
	}
}

// A dump that cannot be written is the lab's fault; one that cannot be had is a fact about the trial, and a share of what it would have
// told is a moment that this board cannot have.
func TestDumpThatCannotBeWritten(t *testing.T) {
	for _, c := range []struct {
		err  func(dir string) error
		want string
		lab  bool
	}{{func(dir string) error {
		return &fs.PathError{Op: "write", Path: filepath.Join(dir, "ring.elf"), Err: syscall.ENOSPC}
	}, "no space left on device", true}, {func(string) error { return errors.New("no kdump here") }, "no kdump here", false}} {
		dir := filepath.Join(t.TempDir(), "reference")
		b := &scripted{change: func(s *duttest.Script) { s.Fail = map[duttest.Call]error{duttest.Dumping: c.err(dir)} }}
		o := series(t, "warn-nmi-panic", "share:50%")
		ref, err := o.Trial(t.Context(), subjectOn(b), Try{Reference: true}, dir)
		if c.lab != (err != nil) || c.lab && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.want, err)
		}
		if c.lab {
			continue
		}
		_, err = o.Order(subjectOn(b), Try{Inject: o.Inject(0), Ref: ref})
		var cannot *dut.CannotError
		if !errors.As(err, &cannot) || !strings.Contains(cannot.Why, c.want) {
			t.Errorf("%s: %v", c.want, err)
		}
	}
}
