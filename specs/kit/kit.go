// SPDX-License-Identifier: Apache-2.0

// Package kit is the plumbing for specs of one's own: make a strategy ready on a board, try a scenario, grade what came of it from its
// files. It returns errors and knows no test framework; specs/match has the sentences for Gomega.
//
// specs/example is a module of its own that uses it, and docs/own-specs.md walks through that.
package kit

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/kernels"
	"lastpage/lab"
)

// Lab is where trials are made. The zero value of every field but Dir and Accept is what `lastpage run` does.
type Lab struct {
	Dir       string   // folder for the evidence, which must be there
	Board     string   // of the inventory; "": qemu
	Inventory string   // file; "": the built-in one
	Catalogue []string // files that add to the built-in catalogue of kernels and strategies
	Baud      int      // of the line; 0: 115200
	Shape     *harness.Shape
	Progress  io.Writer // nil: nobody is told
	Accept    int       // comparisons by which fast-forward is accepted for a kernel where it was not (kind.AcceptFew); 0: none

	tried atomic.Int64
}

// Subject makes a strategy ready: its kernel is fetched or built if it is not in the cache. Its Bench.Rest frees what trials share.
func (l *Lab) Subject(ctx context.Context, strategy string) (*harness.Subject, error) {
	inv, err := lab.LoadInventory(l.Inventory)
	if err != nil {
		return nil, err
	}
	name := l.Board
	if name == "" {
		name = "qemu"
	}
	b, err := inv.Find(name)
	if err != nil {
		return nil, err
	}
	cat, err := kernels.LoadCatalogue(l.Catalogue...)
	if err != nil {
		return nil, err
	}
	o := lab.Options{Baud: l.Baud, Progress: l.Progress, Accept: l.Accept}
	if o.Baud == 0 {
		o.Baud = 115200
	}
	return b.Subject(ctx, cat, strategy, o)
}

// Tried are the valid trials of a scenario, graded from their files.
type Tried struct {
	Reference *harness.Trial // the uninterrupted one; nil if the scenario has none
	Trials    []*harness.Trial
	Voids     []harness.Voided
}

// Scenario tries a built-in scenario by its name; see Try.
func (l *Lab) Scenario(ctx context.Context, s *harness.Subject, name string, injects ...string) (*Tried, error) {
	sc, err := harness.FindScenario(name)
	if err != nil {
		return nil, err
	}
	return l.Try(ctx, s, sc, max(1, len(injects)), injects...)
}

// Try makes n trials of a scenario, interrupted at each of injects in turn (the forms are harness.Injects). A void trial is not repeated:
// it is among Voids, and Trials is shorter.
func (l *Lab) Try(ctx context.Context, s *harness.Subject, sc harness.Scenario, n int, injects ...string) (*Tried, error) {
	o := compare.RunOrder{Series: harness.Series{Scenario: sc, Shape: l.Shape}, Trials: n}
	for _, text := range injects {
		in, err := harness.ParseInject(text)
		if err != nil {
			return nil, err
		}
		o.Injects = append(o.Injects, in)
	}
	if err := o.Check(); err != nil {
		return nil, err
	}
	dir := filepath.Join(l.Dir, fmt.Sprintf("%03d-%s-%s", l.tried.Add(1), strings.ReplaceAll(sc.Name, ":", "-"), s.Strategy))
	var err error
	if o.Out, err = compare.NewFolder(dir, compare.RunName); err != nil {
		return nil, err
	}
	defer o.Out.Close()
	r, err := compare.Execute(ctx, o, []*harness.Subject{s}, func(strategy, what string, _, _ int) {
		if l.Progress != nil {
			fmt.Fprintln(l.Progress, strategy, what)
		}
	})
	if err != nil {
		return nil, err
	}
	row := r.Rows[0]
	if row.Fault != "" {
		return nil, fmt.Errorf("%s, %s: %s", s.Strategy, sc.Name, row.Why)
	}
	t := &Tried{Voids: row.Voids()}
	if ref := row.Courses[0].Reference; ref != "" {
		if t.Reference, err = harness.Regrade(ctx, ref); err != nil {
			return nil, err
		}
	}
	for _, dir := range row.Trials() {
		trial, err := harness.Regrade(ctx, dir)
		if err != nil {
			return nil, err
		}
		t.Trials = append(t.Trials, trial)
	}
	return t, nil
}
