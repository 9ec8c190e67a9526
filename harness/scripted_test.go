// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/dut/duttest"
	"lastpage/kernels/plan"
)

// scripted is a bench whose machines follow a script, which change may alter.
type scripted struct {
	inline bool
	change func(*duttest.Script)
	cannot error
	last   *duttest.Script
	opened int
}

func (b *scripted) Can(*Order) error { return b.cannot }

func (b *scripted) Open(ctx context.Context, o *Order) (*dut.Board, error) {
	b.last = duttest.Kernel(o.Plan, b.inline)
	if b.change != nil {
		b.change(b.last)
	}
	b.opened++
	return b.last.Open(ctx)
}

func (b *scripted) Rest() {}

func subjectOn(b Bench) *Subject {
	return &Subject{Strategy: "s", Board: "scripted", Mode: "script", CPUs: 2, Cmdline: "console=ttyS0", Frame: wire.Frame{Baud: 115200, Bits: 10}, Bench: b,
		Names: []string{"vpanic"}}
}

func series(t *testing.T, scenario string, injects ...string) *Series {
	t.Helper()
	sc, err := FindScenario(scenario)
	if err != nil {
		t.Fatal(err)
	}
	o := &Series{Scenario: sc, Shape: &Shape{Backlog: 5, RecordLen: 60}}
	for _, text := range injects {
		in, err := ParseInject(text)
		if err != nil {
			t.Fatal(err)
		}
		o.Injects = append(o.Injects, in)
	}
	return o
}

// try makes the reference and one interrupted trial on a bench, in folders if dir is not "".
func try(t *testing.T, b *scripted, o *Series, dir string) (ref, trial *Trial, err error) {
	t.Helper()
	s := subjectOn(b)
	at := func(name string) string {
		if dir == "" {
			return ""
		}
		return filepath.Join(dir, name)
	}
	if ref, err = o.Trial(t.Context(), s, Try{Reference: true}, at("reference")); err != nil {
		return ref, nil, err
	}
	trial, err = o.Trial(t.Context(), s, Try{Inject: o.Inject(0), Ref: ref}, at("trial"))
	return ref, trial, err
}

// Inject0 is the moment of the first trial, if there is one.
func (o *Series) Inject0() *Inject {
	if len(o.Injects) == 0 {
		return nil
	}
	return o.Inject(0)
}

// without takes the rings of a code out of a script.
func without(steps []duttest.Step, c plan.Code) []duttest.Step {
	return slices.DeleteFunc(slices.Clone(steps), func(s duttest.Step) bool { return s.Ring != nil && s.Ring.Code == c })
}
