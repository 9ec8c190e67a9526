// SPDX-License-Identifier: Apache-2.0

package minimise

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"lastpage/dut"
	"lastpage/harness"
	"lastpage/harness/grade"
)

// circumstances are what is varied.
type circumstances struct {
	backlog int
	inject  *harness.Inject // nil: nothing interrupts
	words   []string        // of the command line
}

// boot is a name for what decides how the machine comes to its provocation.
func (c circumstances) boot() string {
	sum := sha256.Sum256([]byte(strings.Join(c.words, " ")))
	return fmt.Sprintf("backlog-%05d-cmdline-%s", c.backlog, hex.EncodeToString(sum[:4]))
}

// moment is a name for when it is interrupted.
func (c circumstances) moment() string {
	if c.inject == nil {
		return "whole"
	}
	return regexp.MustCompile(`[^a-zA-Z0-9.]+`).ReplaceAllString(c.inject.String(), "-")
}

// probed is what came of trying them.
type probed struct {
	same bool
	why  string // what is lost in place of the same
	dir  string
}

// probe tries circumstances once: whether the same is lost. A void trial or a kernel that does not come to it is another loss, not an error.
func (w *worker) probe(ctx context.Context, c circumstances) (probed, error) {
	name := filepath.Join(c.boot(), c.moment())
	if p, known := w.done[name]; known {
		return p, nil
	}
	p, err := w.make(ctx, c)
	if err == nil {
		w.done[name] = p
	}
	return p, err
}

func (w *worker) make(ctx context.Context, c circumstances) (p probed, err error) {
	order := &w.Trial.Order
	sc := w.Scenario
	sc.Cmdline = "" // it is among the words
	s := *w.Subject
	s.Cmdline = strings.Join(c.words, " ")
	series := harness.Series{Scenario: sc, Shape: &harness.Shape{Backlog: c.backlog, RecordLen: order.Plan.RecordLen}, PhaseUS: order.PhaseUS, Course: order.Course, Retries: w.Retries}
	n := 1 // the order's phase is taken once
	if sc.PhaseUS > 0 {
		n = int(order.PhaseUS / sc.PhaseUS)
	}
	if c.inject != nil {
		series.Injects = []harness.Inject{*c.inject}
	}
	base := filepath.Join(w.Dir, c.boot())
	var ref *harness.Trial
	if sc.WantsReference() {
		dir := w.reference(c)
		if ref = w.refs[dir]; ref == nil {
			ref, p.why, err = w.valid(ctx, &series, &s, harness.Try{Reference: true}, base, "reference")
			if err != nil || ref == nil {
				return p, err
			}
			w.refs[dir] = ref
			w.r.References++
		}
	}
	t, why, err := w.valid(ctx, &series, &s, harness.Try{N: n, Inject: c.inject, Ref: ref}, base, c.moment())
	if err != nil || t == nil {
		return probed{why: why}, err
	}
	e, err := harness.Explain(ctx, t.Dir())
	if err != nil {
		return p, err
	}
	is := lost(e)
	p = probed{same: slices.Equal(is, w.same), why: strings.Join(is, "; "), dir: t.Dir()}
	if len(is) == 0 {
		p.why = "nothing"
	}
	return p, nil
}

// valid makes a trial that counts; t is nil where there is none, and why says so.
func (w *worker) valid(ctx context.Context, o *harness.Series, s *harness.Subject, a harness.Try, base, name string) (t *harness.Trial, why string, err error) {
	if w.Tell != nil {
		w.Tell(filepath.Join(filepath.Base(base), name), w.r.Trials)
	}
	t, voids, err := o.Valid(ctx, s, a, base, name)
	w.r.Trials, w.r.Voids = w.r.Trials+len(voids), w.r.Voids+len(voids)
	var boot *dut.BootError
	var cannot *dut.CannotError
	switch {
	case ctx.Err() != nil:
		return nil, "", ctx.Err()
	case errors.As(err, &boot):
		w.r.Trials++
		return nil, "the machine does not come to its trial: " + first(boot.Why), nil
	case errors.As(err, &cannot):
		return nil, cannot.Error(), nil
	case err != nil:
		return nil, "", err
	case t == nil && len(voids) > 0:
		return nil, "void: " + strings.Join(voids[len(voids)-1].Why, "; "), nil
	}
	w.r.Trials++
	return t, "", nil
}

func first(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// figures are what differs between equal losses: numbers and addresses.
var figures = regexp.MustCompile(`0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+`)

// lost says what a trial lost outside its backlog and its boot, class by class.
func lost(e *harness.Explanation) []string {
	all := []string{}
	for _, l := range e.Losses {
		if l.Section == grade.Backlog || l.Section == grade.Boot {
			continue
		}
		text := fmt.Sprintf("%s: %d records %s", l.Section, l.Records, l.Class)
		for _, x := range []struct{ word, text string }{{"first", l.First}, {"last", l.Last}, {"after", l.Before}} {
			if x.text != "" {
				text += fmt.Sprintf(", %s %q", x.word, figures.ReplaceAllString(x.text, "#"))
			}
		}
		all = append(all, text)
	}
	return all
}
