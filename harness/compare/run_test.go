// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"lastpage/dut"
	"lastpage/dut/duttest"
	"lastpage/harness"
)

func half(t *testing.T) harness.Inject {
	t.Helper()
	in, err := harness.ParseInject("share:50%")
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// A run that was interrupted at any moment goes on to the result of one that was not, and no trial is made twice.
func TestRunResumes(t *testing.T) {
	order := func(f *Folder) RunOrder {
		return RunOrder{Series: small(t, "warn-nmi-panic", half(t)), Trials: 3, Out: f}
	}
	whole, err := Execute(t.Context(), order(open(t, RunName)), []*harness.Subject{subjectOn(&scripted{inline: true})}, nil)
	if err != nil || whole.Status != harness.Finished || len(whole.Rows[0].Graded()) != 3 {
		t.Fatalf("%v, %+v", err, whole)
	}
	for after := range 4 {
		f := open(t, RunName)
		ctx, cancel := context.WithCancel(t.Context())
		b := &scripted{inline: true, after: after, cancel: cancel}
		r, err := Execute(ctx, order(f), []*harness.Subject{subjectOn(b)}, nil)
		if err == nil || r.Status != harness.Unfinished || !harness.Exists(filepath.Join(f.Dir, RunName)) {
			t.Fatalf("after %d: %v, %+v", after, err, r)
		}
		made := b.opened - 1 // the last one was cut short
		b.cancel = nil
		r, err = Execute(t.Context(), order(f), []*harness.Subject{subjectOn(b)}, nil)
		if err != nil || r.Status != harness.Finished || b.opened-1-made != 4-made {
			t.Fatalf("after %d: %v, opened %d", after, err, b.opened)
		}
		for i, g := range r.Rows[0].Graded() {
			want := whole.Rows[0].Graded()[i]
			if g.Letter != want.Letter || !reflect.DeepEqual(g.Sections, want.Sections) {
				t.Errorf("after %d: trial %d is graded %s, not %s", after, i, g.Letter, want.Letter)
			}
		}
	}
}

// Who cannot, whose kernel is dead and whose every trial is void are three different things, and the run goes on after each.
func TestRunFaults(t *testing.T) {
	dies := func(s *duttest.Script) {
		s.Steps, s.Said, s.EndBy = []duttest.Step{{Say: "Kernel panic - not syncing: no init\r\n"}}, nil, "guest-reset"
	}
	hangs := func(s *duttest.Script) { s.Steps, s.Said = []duttest.Step{{Say: "Linux version 1.0\r\n"}}, nil }
	spoilt := func(s *duttest.Script) { s.Void = []string{"overrun"} }
	subjects := []*harness.Subject{subjectOn(&scripted{cannot: &dut.CannotError{Board: "scripted", What: "an NMI", Why: "no button"}}),
		subjectOn(&scripted{change: dies}), subjectOn(&scripted{change: hangs}), subjectOn(&scripted{change: spoilt}), subjectOn(&scripted{})}
	for i, s := range subjects {
		s.Strategy = string(rune('a' + i))
	}
	r, err := Execute(t.Context(), RunOrder{Series: small(t, "warn-nmi-panic", half(t)), Trials: 1, Out: open(t, RunName)}, subjects, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Fault{Cannot, KernelsFault, NeverArmed, NoReference, ""} {
		if row := r.Rows[i]; row.Fault != want || (row.Why == "") != (want == "") || len(row.Trials()) > 0 != (want == "") {
			t.Errorf("%s: %q, %q, %d trials", row.Strategy, row.Fault, row.Why, len(row.Trials()))
		}
	}
	if len(r.Rows[3].Voids()) != 1 {
		t.Errorf("%d void", len(r.Rows[3].Voids()))
	}
	if subjects[0].Bench.(*scripted).opened != 0 {
		t.Error("a board that cannot was opened")
	}
}

// What differs from what a folder was made with is named, before anything is opened.
func TestRunRefusesOtherConditions(t *testing.T) {
	f := open(t, RunName)
	o := RunOrder{Series: small(t, "warn"), Trials: 1, Out: f}
	if _, err := Execute(t.Context(), o, []*harness.Subject{subjectOn(&scripted{})}, nil); err != nil {
		t.Fatal(err)
	}
	o.Shape = &harness.Shape{Backlog: 6, RecordLen: 60}
	b := &scripted{}
	_, err := Execute(t.Context(), o, []*harness.Subject{subjectOn(b)}, nil)
	if err == nil || !strings.Contains(err.Error(), `made with backlog_records "5", now it is "6"`) || b.opened != 0 {
		t.Errorf("%v; opened %d", err, b.opened)
	}
	o.Shape.Backlog = 5
	s := subjectOn(b)
	s.Cmdline = "console=ttyS0 quiet"
	if _, err = Execute(t.Context(), o, []*harness.Subject{s}, nil); err == nil || !strings.Contains(err.Error(), "cmdline of s") || b.opened != 0 {
		t.Errorf("%v; opened %d", err, b.opened)
	}
}

// A folder is one user's and of one kind, and leaves nothing behind if nothing was left in it.
func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	f, err := OpenFolder(dir, RunName)
	if err != nil {
		t.Fatal(err)
	}
	var busy *BusyError
	if _, err := OpenFolder(dir, RunName); !errors.As(err, &busy) || busy.PID != strconv.Itoa(os.Getpid()) {
		t.Errorf("a second user: %v", err)
	}
	if g, err := NewFolder(dir, RunName); err != nil || g.Dir != dir+"-2" {
		t.Errorf("%v, %v", g, err)
	} else if err := g.Close(); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil || harness.Exists(filepath.Dir(dir)) {
		t.Errorf("%v; empty folders are left", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	// What a kill left of the first file that was to be written does not take the folder away from its owner.
	if err := os.WriteFile(filepath.Join(dir, "."+RunName+".123"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if f, err = OpenFolder(dir, RunName); err != nil {
		t.Errorf("after a kill: %v", err)
	} else if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, SweepName), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFolder(dir, RunName); err == nil || !strings.Contains(err.Error(), "there is a sweep in it") {
		t.Errorf("a sweep's folder: %v", err)
	}
	if _, err := OpenFolder(filepath.Join(dir, SweepName, "x"), RunName); err == nil {
		t.Error("below a file")
	}
}

// A sweep of a scripted machine finds where the whole WARN begins to be stored; interrupted, it says that it does not know, and goes on to
// the same result.
func TestSweepOnAScript(t *testing.T) {
	for _, inline := range []bool{false, true} {
		order := func(f *Folder) SweepOrder {
			return SweepOrder{Series: small(t, "warn-nmi-panic", harness.Inject{At: "byte", N: 1}), By: ByByte, Points: 12, Workers: 2, Out: f}
		}
		f := open(t, SweepName)
		sw, err := ExecuteSweep(t.Context(), order(f), subjectOn(&scripted{inline: inline}), nil)
		if err != nil {
			t.Fatal(err)
		}
		if sw.Voids > 0 || sw.WarnStored == nil || sw.WarnStored.Never || len(sw.Points) < 12 {
			t.Fatalf("inline %v: %+v", inline, sw)
		}
		// The deferring kernel stores it before its first byte; the inline one flushes the backlog in between.
		if first := sw.Points[0].Byte; inline == (sw.WarnStored.Byte <= first) {
			t.Errorf("inline %v: whole from byte %d on, the first point is %d", inline, sw.WarnStored.Byte, first)
		}
		again := open(t, SweepName)
		ctx, cancel := context.WithCancel(t.Context())
		b := &scripted{inline: inline, after: 6, cancel: cancel}
		cut, err := ExecuteSweep(ctx, order(again), subjectOn(b), nil)
		if err == nil || cut.Status != harness.Unfinished || cut.WarnStored != nil || cut.WarnSent != nil {
			t.Fatalf("interrupted: %v, %+v", err, cut)
		}
		b.cancel = nil
		rest, err := ExecuteSweep(t.Context(), order(again), subjectOn(b), nil)
		if err != nil || !reflect.DeepEqual(rest.WarnStored, sw.WarnStored) || len(rest.Points) != len(sw.Points) {
			t.Errorf("gone on: %v, %+v, not %+v", err, rest.WarnStored, sw.WarnStored)
		}
		other := order(again)
		other.By = ByTime
		if _, err := ExecuteSweep(t.Context(), other, subjectOn(b), nil); err == nil || !strings.Contains(err.Error(), "points by") {
			t.Errorf("spread otherwise: %v", err)
		}
	}
}

// One dead course among living ones is seen, and a folder is of one set of strategies.
func TestRunDeadCourse(t *testing.T) {
	n := 0
	dies := func(s *duttest.Script) {
		if n++; n == 2 {
			s.Steps, s.Said, s.EndBy = []duttest.Step{{Say: "Kernel panic - not syncing: no init\r\n"}}, nil, "guest-reset"
		}
	}
	f := open(t, RunName)
	o := RunOrder{Series: small(t, "warn"), Trials: 1, Out: f, Ensemble: Ensemble{Courses: 3, Seed: 1, How: harness.Branched}}
	r, err := Execute(t.Context(), o, []*harness.Subject{subjectOn(&scripted{change: dies})}, nil)
	if err != nil {
		t.Fatal(err)
	}
	row := r.Rows[0]
	if row.Fault != "" || row.Dead() == nil || row.Dead().Course.N != 2 || len(row.Graded()) != 2 {
		t.Errorf("%+v, dead %+v", row, row.Dead())
	}
	other := subjectOn(&scripted{})
	other.Strategy = "other"
	if _, err := Execute(t.Context(), o, []*harness.Subject{other}, nil); err == nil || !strings.Contains(err.Error(), `made with strategies "s", now it is "other"`) {
		t.Errorf("%v", err)
	}
}
