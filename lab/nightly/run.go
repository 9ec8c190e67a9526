// SPDX-License-Identifier: Apache-2.0

package nightly

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/kernels"
	"lastpage/lab"
	"lastpage/lab/kind"
)

// Order is what a night has to do.
type Order struct {
	Boards     []*lab.Board
	Catalogue  *kernels.Catalogue
	Strategies []string
	Matrix     compare.MatrixOrder // of each board; its folder is set here
	Require    string              // a letter; "": none
	Wait       time.Duration       // for a board that somebody else has
	Together   int                 // boards at the same time
	Stress     time.Duration       // of each line, in each direction, by the check
	Baud       int
	Dir        string // folder
	Progress   io.Writer
	// Tell is told what becomes of boards, by several goroutines. It is not called at the same time twice.
	Tell func(board, what string, done, of int)
}

// inRow is how many trials of a board the lab may fail in a row.
const inRow = 3

// Run carries out a night, or goes on with the one that is in its folder. An error means that it was ended early, not that a board failed;
// the night then holds what was found out until there.
func Run(ctx context.Context, o Order) (*Night, error) {
	n := &Night{Schema: Schema, Status: harness.Unfinished, Made: harness.Version(), Require: o.Require, Started: time.Now().UTC(), Boards: []*Board{}}
	for _, b := range o.Boards {
		n.Boards = append(n.Boards, &Board{Name: b.Name, Kind: b.Kind, Parts: []kind.Finding{}, Failed: []string{}, Why: []Reason{},
			Dir: filepath.Join(o.Dir, b.Name), Fault: "it was not reached"})
	}
	if err := n.save(o.Dir); err != nil {
		return n, err
	}
	w := &work{Order: o, night: n}
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(max(1, o.Together))
	for i, b := range o.Boards {
		g.Go(func() error { return w.board(within, b, n.Boards[i]) })
	}
	if err := g.Wait(); err != nil {
		return n, errors.Join(err, n.save(o.Dir))
	}
	now := time.Now().UTC()
	n.Status, n.Finished = harness.Finished, &now
	return n, n.save(o.Dir)
}

// work is a night under way.
type work struct {
	Order
	night *Night
	mu    sync.Mutex // of the night, and of Tell
}

func (w *work) tell(b *Board, what string, done, of int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.Tell != nil {
		w.Tell(b.Name, what, done, of)
	}
}

// board tries one board. What is wrong with it is a fault in r; the error is for the end of the whole night.
func (w *work) board(ctx context.Context, b *lab.Board, r *Board) error {
	err := w.try(ctx, b, r)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		r.Fault = "the night was ended"
	case err != nil:
		r.Fault, err = first(err), nil
	default:
		r.Fault = ""
	}
	r.count()
	return errors.Join(err, w.night.save(w.Dir))
}

// try has the board for as long as it takes.
func (w *work) try(ctx context.Context, b *lab.Board, r *Board) (err error) {
	w.tell(r, "lease", 0, 0)
	hold, err := b.Hold(ctx, "nightly", w.Wait, func(held *lab.HeldError) { w.tell(r, "waiting: "+held.Error(), 0, 0) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hold.Release()) }()
	if why, err := broken(b.Name); err != nil || why != "" {
		return errors.Join(err, words(why))
	}
	options := lab.Options{Baud: w.Baud, Progress: w.Progress, NoProbe: w.Matrix.Scenarios[0].NoProbe}
	if err := w.check(ctx, b, r, options); err != nil {
		return err
	}
	var subjects []*harness.Subject
	for _, name := range w.Strategies {
		s, err := b.Subject(ctx, w.Catalogue, name, options)
		if err != nil {
			return err
		}
		defer s.Bench.Rest()
		subjects = append(subjects, s)
	}
	return w.matrix(ctx, b, r, subjects)
}

// check tries the parts of a board that has parts.
func (w *work) check(ctx context.Context, b *lab.Board, r *Board, o lab.Options) error {
	if _, parts := b.Entry.(kind.Checker); !parts {
		return nil
	}
	w.tell(r, "check", 0, 0)
	var bad error
	err := b.Check(ctx, w.Catalogue, w.Strategies[0], w.Stress, o, func(f kind.Finding) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if r.Parts = append(r.Parts, f); !f.OK && !f.Harmless && bad == nil {
			bad = fmt.Errorf("%s: %s", f.What, f.Says)
		}
	})
	return errors.Join(err, bad)
}

// matrix fills the board's matrix. What the lab fails is tried again, as long as the board is not marked broken and something comes of it.
func (w *work) matrix(ctx context.Context, b *lab.Board, r *Board, subjects []*harness.Subject) error {
	o := w.Matrix
	o.Workers = 1 // of boards there is one each
	out, err := compare.OpenFolder(r.Dir, compare.MatrixName)
	if err != nil {
		return err
	}
	defer out.Close()
	o.Out = out
	for row, cells := 0, 0; ; {
		m, err := compare.ExecuteMatrix(ctx, o, subjects, func(strategy, what string, done, of int) {
			w.tell(r, strategy+": "+what, done, of)
		})
		if m == nil {
			return err
		}
		w.mu.Lock()
		r.matrix = m
		r.count()
		w.mu.Unlock()
		if err == nil || ctx.Err() != nil {
			return err
		}
		w.failed(r, err)
		if why, broke := broken(b.Name); broke != nil || why != "" {
			return errors.Join(broke, words(why))
		}
		if row++; len(m.Cells) > cells {
			row, cells = 1, len(m.Cells)
		}
		if row == inRow {
			return fmt.Errorf("%w: %s", errGone, first(err))
		}
	}
}

// failed notes a trial that the lab failed.
func (w *work) failed(r *Board, err error) {
	w.tell(r, "the lab failed: "+first(err), 0, 0)
	w.mu.Lock()
	defer w.mu.Unlock()
	r.Failed = append(r.Failed, first(err))
}

// broken says why nothing is to be tried on a board; "" if nothing is known against it.
func broken(board string) (string, error) {
	b, err := lab.BrokenBoard(board)
	if err != nil || !b.Marked() {
		return "", err
	}
	return fmt.Sprintf("it is marked broken since %s: %s; a lastpage boards check %s that passes clears that; so does lastpage boards clear %s",
		b.Since.Local().Format("2006-01-02 15:04"), b.Why, board, board), nil
}

// words is an error, or none if they are empty.
func words(why string) error {
	if why == "" {
		return nil
	}
	return errors.New(why)
}
