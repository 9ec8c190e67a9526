// SPDX-License-Identifier: Apache-2.0

package minimise

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/dut/duttest"
	"lastpage/harness"
)

// scripted is a bench whose machines follow a script. Without needs on its command line, the machine outlives an NMI.
type scripted struct {
	inline bool
	needs  string
	opened int
	after  int // boards, then cancel is called
	cancel func()
}

func (b *scripted) Can(*harness.Order) error { return nil }
func (b *scripted) Rest()                    {}

func (b *scripted) Open(ctx context.Context, o *harness.Order) (*dut.Board, error) {
	if b.opened++; b.cancel != nil && b.opened > b.after {
		b.cancel()
	}
	s := duttest.Kernel(o.Plan, b.inline)
	if b.needs != "" && !slices.Contains(strings.Fields(o.Cmdline), b.needs) {
		s.NMI = nil // the WARN is stored to its end
		for _, st := range s.Steps {
			if st.Store != nil && (len(s.NMI) > 0 || strings.HasPrefix(string(st.Store.Text), "WARNING")) {
				s.NMI = append(s.NMI, st)
			}
		}
	}
	return s.Open(ctx)
}

// lossy is a trial of a scripted kernel that was interrupted at a byte, and what Run is told about it.
func lossy(t *testing.T, b *scripted, scenario string, at string) Order {
	t.Helper()
	sc, err := harness.FindScenario(scenario)
	if err != nil {
		t.Fatal(err)
	}
	o := harness.Series{Scenario: sc, Shape: &harness.Shape{Backlog: 12, RecordLen: 60}, PhaseUS: 3000}
	s := &harness.Subject{Strategy: "s", Board: "scripted", Mode: "script", CPUs: 2, Repeats: true, Cmdline: "console=ttyS0 quiet nmi_panic nokaslr",
		Frame: wire.Frame{Baud: 115200, Bits: 10}, Bench: b}
	dir := t.TempDir()
	var ref *harness.Trial
	if sc.Interrupted {
		in, err := harness.ParseInject(at)
		if err != nil {
			t.Fatal(err)
		}
		o.Injects = []harness.Inject{in}
		if ref, err = o.Trial(t.Context(), s, harness.Try{Reference: true}, filepath.Join(dir, "reference")); err != nil {
			t.Fatal(err)
		}
	}
	tr, err := o.Trial(t.Context(), s, harness.Try{N: 1, Inject: o.Inject(0), Ref: ref}, filepath.Join(dir, "trial-002"))
	if err != nil || tr.IsVoid() {
		t.Fatalf("%v, %v", err, tr.Reasons())
	}
	b.opened = 0
	return Order{Trial: tr, Scenario: sc, Subject: s, Retries: 1, Dir: filepath.Join(t.TempDir(), "out")}
}

func none(*Result) error { return nil }

// losses is what a trial at a byte, with a backlog, loses on a bench; by no search.
func losses(t *testing.T, o Order, backlog int, n int64) []string {
	t.Helper()
	o.Dir = t.TempDir()
	w := &worker{Order: &o, r: &Result{}, same: []string{"?"}, refs: map[string]*harness.Trial{}, done: map[string]probed{}}
	p, err := w.probe(t.Context(), circumstances{backlog: backlog, inject: &harness.Inject{At: "byte", N: n}, words: strings.Fields(o.Trial.Order.Cmdline)})
	if err != nil {
		t.Fatal(err)
	}
	return []string{p.why}
}

// The edges that are found are those of a search of every byte, and a word is kept only if the loss is another without it.
func TestMinimise(t *testing.T) {
	b := &scripted{inline: true, needs: "nmi_panic"}
	o := lossy(t, b, "warn-nmi-panic", "share:50%")
	r := &Result{}
	if err := Run(t.Context(), o, r, none); err != nil {
		t.Fatal(err)
	}
	if len(r.Lost) != 1 || !strings.Contains(r.Lost[0], "4 records not stored") || r.Unmoved != "" {
		t.Fatalf("lost %v, %s", r.Lost, r.Unmoved)
	}
	if b.opened != r.Trials || r.Voids != 0 {
		t.Errorf("%d boards were opened for %d trials, %d void", b.opened, r.Trials, r.Voids)
	}
	for _, e := range []*Edge{r.Earliest, r.Latest} {
		at := losses(t, o, 12, e.Is)
		if !slices.Equal(at, r.Lost) {
			t.Errorf("at byte %d: %v", e.Is, at)
		}
		if e.Beyond != nil {
			if at := losses(t, o, 12, *e.Beyond); slices.Equal(at, r.Lost) || at[0] != e.Why {
				t.Errorf("at byte %d: %v, said %q", *e.Beyond, at, e.Why)
			}
			if d := *e.Beyond - e.Is; d != 1 && d != -1 {
				t.Errorf("between byte %d and %d nobody knows", e.Is, *e.Beyond)
			}
		}
	}
	if r.Earliest.Is != 1 || r.Earliest.Beyond != nil || r.Latest.Beyond == nil {
		t.Errorf("from %+v to %+v", r.Earliest, r.Latest)
	}
	if r.Backlog == nil || r.Backlog.Is >= 12 {
		t.Errorf("backlog %+v", r.Backlog)
	}
	var words []string
	for _, w := range r.Cmdline {
		words = append(words, w.Word)
		if (w.Why == "") != strings.HasPrefix(w.Word, "console=") {
			t.Errorf("%+v", w)
		}
	}
	if strings.Join(words, " ") != "console=ttyS0 nmi_panic" || strings.Join(r.Dropped, " ") != "nokaslr quiet" {
		t.Errorf("needed %v, not needed %v", words, r.Dropped)
	}
	small, err := harness.LoadTrial(r.Smallest)
	if err != nil || small.Order.Cmdline != "console=ttyS0 nmi_panic" || small.Order.Plan.Backlog != int(r.Backlog.Is) {
		t.Errorf("%v, %s with a backlog of %d", err, small.Order.Cmdline, small.Order.Plan.Backlog)
	}
	if e, err := harness.Explain(t.Context(), r.Smallest); err != nil || !slices.Equal(lost(e), r.Lost) {
		t.Errorf("%v: the smallest loses %v", err, lost(e))
	}
}

// What was interrupted anywhere goes on to the same result, and no trial is made twice.
func TestMinimiseResumes(t *testing.T) {
	whole := &Result{}
	o := lossy(t, &scripted{inline: true}, "warn-nmi-panic", "share:50%")
	if err := Run(t.Context(), o, whole, none); err != nil {
		t.Fatal(err)
	}
	for _, after := range []int{6} {
		b := &scripted{inline: true}
		o := lossy(t, b, "warn-nmi-panic", "share:50%")
		ctx, cancel := context.WithCancel(t.Context())
		b.after, b.cancel = after, cancel
		if err := Run(ctx, o, &Result{}, none); !errors.Is(err, context.Canceled) {
			t.Fatalf("after %d: %v", after, err)
		}
		b.cancel = nil
		r := &Result{}
		if err := Run(t.Context(), o, r, none); err != nil {
			t.Fatal(err)
		}
		if r.Earliest.Is != whole.Earliest.Is || r.Latest.Is != whole.Latest.Is || r.Backlog.Is != whole.Backlog.Is || r.Trials != whole.Trials || b.opened != whole.Trials+1 {
			t.Errorf("after %d: %d trials of %d boards, not %d", after, r.Trials, b.opened, whole.Trials)
		}
	}
}

// A trial that lost nothing, and one that does not repeat, say so.
func TestMinimiseRefuses(t *testing.T) {
	if err := Run(t.Context(), lossy(t, &scripted{}, "warn-nmi-panic", "share:50%"), &Result{}, none); !errors.Is(err, ErrNothing) {
		t.Error(err)
	}
	b := &scripted{inline: true}
	o := lossy(t, b, "warn-nmi-panic", "share:50%")
	b.inline = false
	if err := Run(t.Context(), o, &Result{}, none); err == nil || !strings.Contains(err.Error(), "made again it does not lose the same: nothing") {
		t.Error(err)
	}
}

// Whatever the one border is, both sides of it are tried.
func TestEdge(t *testing.T) {
	for border := int64(-1); border <= 41; border++ {
		for _, c := range []struct{ from, end int64 }{{20, 0}, {20, 40}} {
			in := func(n int64) bool { return n == c.from || n > border == (c.end < c.from) && n != border }
			tries := 0
			e, err := edge(c.from, c.end, probed{same: true}, func(n int64) (probed, error) { tries++; return probed{same: in(n)}, nil })
			if err != nil || tries > 7 || !in(e.Is) || e.Beyond == nil && e.Is != c.end || e.Beyond != nil && (in(*e.Beyond) || *e.Beyond-e.Is != 1 && *e.Beyond-e.Is != -1) {
				t.Errorf("border %d from %d to %d: %v, %+v, %d tries", border, c.from, c.end, err, e, tries)
			}
		}
	}
}
