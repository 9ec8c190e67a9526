// SPDX-License-Identifier: Apache-2.0

// Package minimise makes the circumstances of a loss small: the moments between which an interruption loses the same records, the smallest
// backlog, and the shortest command line.
//
// In: a trial that lost something, and the subject that it was made on. Out: a Result, and a folder for each trial that was made for it. Each
// figure is that of a trial that lost the same, beside one that did not.
package minimise

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lastpage/harness"
)

// Schema names the form of minimise.json.
const Schema = "lastpage.minimise/1"

// Name is the file of a Result in its folder.
const Name = "minimise.json"

// Order is what is to be made small, and where.
type Order struct {
	Trial    *harness.Trial
	Scenario harness.Scenario
	Subject  *harness.Subject // on a board that repeats itself
	Retries  int              // void trials allowed for each valid one
	Dir      string
	Tell     func(what string, trials int) // nil: nobody is told
}

// Result is minimise.json.
type Result struct {
	Schema   string     `json:"schema"`
	Status   string     `json:"status"`
	Made     string     `json:"made_by"`
	Command  string     `json:"command"`
	Started  time.Time  `json:"started"`
	Finished *time.Time `json:"finished"`
	Trial    string     `json:"trial"`
	Scenario string     `json:"scenario"`
	Lost     []string   `json:"lost"` // what is lost again each time, numbers and addresses apart
	// Earliest and Latest are the first and the last byte of wire after the provocation at which an interruption loses the same; null: nothing
	// interrupts, or Unmoved says why they were not looked for.
	Earliest *Edge  `json:"earliest"`
	Latest   *Edge  `json:"latest"`
	Unmoved  string `json:"unmoved"`
	Backlog  *Edge  `json:"backlog"` // records
	// Cmdline are the words without any of which the loss is another; Dropped those that it does not need.
	Cmdline []Word   `json:"cmdline"`
	Dropped []string `json:"dropped"`
	// Smallest is the folder of a trial with the smallest backlog and the shortest command line.
	Smallest string `json:"smallest"`
	// Trials were made, References among them, Voids of them do not count.
	Trials     int `json:"trials"`
	References int `json:"references"`
	Voids      int `json:"voids"`
}

// Edge is the last value of a figure that loses the same, and the next one, which does not.
type Edge struct {
	Was    int64  `json:"was"`
	Is     int64  `json:"is"`
	Dir    string `json:"dir"`    // of the trial at Is
	Beyond *int64 `json:"beyond"` // null: there is no further value
	Why    string `json:"why"`    // what is lost at Beyond; or which end Is is
}

// Word is a word of the command line, and what is lost without it.
type Word struct {
	Word string `json:"word"`
	Why  string `json:"why"` // "": it was not tried without
}

// ErrNothing: a trial lost nothing that could be lost again.
var ErrNothing = errors.New("it lost nothing of what was provoked, or nobody knows of it: there is nothing to make small")

// worker makes the trials of one Result.
type worker struct {
	*Order
	r    *Result
	was  circumstances
	same []string // what is to be lost
	save func() error
	refs map[string]*harness.Trial // by folder
	done map[string]probed         // the same
}

// Run makes the trials. Those that are in the folder already are taken as they are. keep is given the Result whenever a part of it is known.
func Run(ctx context.Context, o Order, r *Result, keep func(*Result) error) error {
	e, err := harness.Explain(ctx, o.Trial.Dir())
	if err != nil {
		return err
	}
	r.Schema, r.Status, r.Made, r.Started, r.Trial, r.Scenario = Schema, harness.Unfinished, harness.Version(), time.Now().UTC(), o.Trial.Dir(), o.Scenario.Name
	r.Lost, r.Cmdline, r.Dropped = lost(e), []Word{}, []string{}
	switch {
	case len(e.Void) > 0:
		return fmt.Errorf("minimise %s: the trial is void: %s", o.Trial.Dir(), strings.Join(e.Void, "; "))
	case len(r.Lost) == 0:
		return fmt.Errorf("minimise %s: %w", o.Trial.Dir(), ErrNothing)
	}
	w := &worker{Order: &o, r: r, same: r.Lost, refs: map[string]*harness.Trial{}, done: map[string]probed{}}
	w.save = func() error { return keep(r) }
	if err := w.all(ctx, e); err != nil {
		return err
	}
	now := time.Now().UTC()
	r.Status, r.Finished = harness.Finished, &now
	return w.save()
}

func (w *worker) all(ctx context.Context, e *harness.Explanation) error {
	order := &w.Trial.Order
	w.was = circumstances{backlog: order.Plan.Backlog, inject: order.Inject, words: strings.Fields(order.Cmdline)}
	base, err := w.probe(ctx, w.was)
	if err != nil {
		return err
	}
	if !base.same {
		return fmt.Errorf("minimise %s: made again it does not lose the same: %s\n  it lost: %s", w.Trial.Dir(), base.why, strings.Join(w.same, "; "))
	}
	w.r.Smallest = base.dir
	if err := w.moments(ctx, e, base); err != nil {
		return err
	}
	small, err := w.backlog(ctx, e)
	if err != nil {
		return err
	}
	return w.cmdline(ctx, small)
}

// moments looks for the first and the last byte.
func (w *worker) moments(ctx context.Context, e *harness.Explanation, base probed) error {
	if w.was.inject == nil {
		return nil
	}
	ref := w.refs[w.reference(w.was)]
	switch {
	case e.Interrupt == nil:
		w.r.Unmoved = "nobody knows at which byte it was interrupted"
	case ref == nil || ref.Provoked == nil || !ref.Provoked.WireByte.Known():
		w.r.Unmoved = "nobody knows how much its reference sent"
	}
	if w.r.Unmoved != "" {
		return w.save()
	}
	at, last := max(1, e.Interrupt.Bytes), ref.Grade.Wire.Bytes-int64(ref.Provoked.WireByte)
	byteOf := func(n int64) circumstances {
		c := w.was
		c.inject = &harness.Inject{At: "byte", N: n}
		return c
	}
	here, err := w.probe(ctx, byteOf(at))
	if err != nil {
		return err
	}
	if !here.same {
		w.r.Unmoved = fmt.Sprintf("interrupted at byte %d, where %s was, it does not lose the same: %s", at, w.was.inject, here.why)
		return w.save()
	}
	try := func(n int64) (probed, error) { return w.probe(ctx, byteOf(n)) }
	if w.r.Earliest, err = edge(at, 1, here, try); err == nil && w.r.Earliest.Beyond == nil {
		w.r.Earliest.Why = "the first byte"
	}
	if err != nil {
		return err
	}
	if w.r.Latest, err = edge(at, max(at, last), here, try); err == nil && w.r.Latest.Beyond == nil {
		w.r.Latest.Why = "the last byte that the uninterrupted trial sends"
	}
	return errors.Join(err, w.save())
}

// backlog looks for the smallest one. The interruption stays at its share of what is pending, or at its own pattern or function.
func (w *worker) backlog(ctx context.Context, e *harness.Explanation) (circumstances, error) {
	if w.Scenario.NoProbe || w.was.backlog == 0 {
		return w.was, nil
	}
	in := w.was.inject
	if in != nil && (in.At == "byte" || in.At == "time") {
		if e.Interrupt == nil || e.AtProvoke == nil || e.AtProvoke.Bytes <= 0 {
			return w.was, w.save()
		}
		in = &harness.Inject{At: "share", Pct: min(100, 100*float64(e.Interrupt.Bytes)/float64(e.AtProvoke.Bytes))}
	}
	of := func(n int64) circumstances { return circumstances{backlog: int(n), inject: in, words: w.was.words} }
	here, err := w.probe(ctx, of(int64(w.was.backlog)))
	if err != nil || !here.same {
		return w.was, errors.Join(err, w.save())
	}
	w.r.Backlog, err = edge(int64(w.was.backlog), 0, here, func(n int64) (probed, error) { return w.probe(ctx, of(n)) })
	if err != nil {
		return w.was, err
	}
	if w.r.Backlog.Beyond == nil {
		w.r.Backlog.Why = "none is needed"
	}
	w.r.Smallest = w.r.Backlog.Dir
	return of(w.r.Backlog.Is), w.save()
}

// cmdline leaves out one word after the other, until none can be left out.
func (w *worker) cmdline(ctx context.Context, c circumstances) error {
	why := map[string]string{}
	for again := true; again; {
		again = false
		for i := len(c.words) - 1; i >= 0; i-- {
			word := c.words[i]
			if strings.HasPrefix(word, "console=") { // nothing would be captured
				continue
			}
			less := c
			less.words = slices.Delete(slices.Clone(c.words), i, i+1)
			p, err := w.probe(ctx, less)
			if err != nil {
				return err
			}
			if !p.same {
				why[word] = p.why
				continue
			}
			c, again = less, true
			w.r.Dropped, w.r.Smallest = append(w.r.Dropped, word), p.dir
		}
	}
	for _, word := range c.words {
		w.r.Cmdline = append(w.r.Cmdline, Word{word, why[word]})
	}
	return w.save()
}

// edge looks between a value that loses the same (here) and an end for the last one that does. It takes for granted that there is one border
// only; both sides of what it returns were tried.
func edge(from, end int64, here probed, try func(int64) (probed, error)) (*Edge, error) {
	e := &Edge{Was: from, Is: from, Dir: here.dir}
	if from == end {
		return e, nil
	}
	p, err := try(end)
	if err != nil {
		return nil, err
	}
	if p.same {
		e.Is, e.Dir = end, p.dir
		return e, nil
	}
	out, why := end, p.why
	for out-e.Is > 1 || e.Is-out > 1 {
		mid := e.Is + (out-e.Is)/2
		if p, err = try(mid); err != nil {
			return nil, err
		}
		if p.same {
			e.Is, e.Dir = mid, p.dir
		} else {
			out, why = mid, p.why
		}
	}
	e.Beyond, e.Why = &out, why
	return e, nil
}

// reference is the folder of the reference of circumstances.
func (w *worker) reference(c circumstances) string {
	return filepath.Join(w.Dir, c.boot(), "reference")
}
