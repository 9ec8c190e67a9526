// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"lastpage/dut"
	"lastpage/harness"
	"lastpage/lab/kind"
)

// leased opens boards that only one may use at a time: with a lease, which all subjects of this process share.
type leased struct {
	harness.Bench
	board string
	line  kind.Line
	off   func(context.Context) error // what the last one does; nil: nothing
	tell  io.Writer                   // nil: nobody is told that it failed

	mu     sync.Mutex
	lease  *Lease // nil: this bench does not use the board
	failed error  // the board's last failure; nil: it had none
}

// take joins the lease of this process, or makes it.
func (b *leased) take(ctx context.Context, purpose string) (_ *Lease, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lease == nil {
		b.lease, err = join(ctx, b.board, purpose)
	}
	return b.lease, err
}

// Rest implements harness.Bench: the last one of this process lets the board go.
func (b *leased) Rest() {
	b.Bench.Rest()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lease == nil {
		return
	}
	b.lease = nil
	switch err := part(b.board, b.off); {
	case err == nil || b.tell == nil:
	case b.failed != nil && strings.HasSuffix(err.Error(), b.failed.Error()):
		fmt.Fprintf(b.tell, "board %s: at the end it could not be switched off, for the same reason\n", b.board)
	default:
		fmt.Fprintln(b.tell, err)
	}
}

// Open implements harness.Bench.
func (b *leased) Open(ctx context.Context, o *harness.Order) (*dut.Board, error) {
	broken, err := BrokenBoard(b.board)
	if err != nil {
		return nil, err
	}
	if broken.Marked() {
		return nil, fmt.Errorf("it is marked broken since %s: %s\n  a lastpage boards check %s that passes clears that; so does lastpage boards clear %s",
			broken.Since.Local().Format("2006-01-02 15:04"), broken.Why, b.board, b.board)
	}
	l, err := b.take(ctx, o.Scenario+" of "+o.Strategy)
	if err != nil {
		return nil, err
	}
	if why := l.Lost(); why != "" {
		return nil, notOurs(b.board, why)
	}
	board, err := b.Bench.Open(ctx, o)
	if err != nil {
		return nil, b.blame(err)
	}
	board.Machine = &watched{Machine: board.Machine, lease: l, of: b}
	if err := calibrated(board, b.board, b.line); err != nil {
		return nil, errors.Join(err, board.Close())
	}
	return board, nil
}

// blame counts a failure that is the board's.
func (b *leased) blame(err error) error {
	if failed := (*dut.BoardError)(nil); errors.As(err, &failed) {
		b.mu.Lock()
		b.failed = failed.Err
		b.mu.Unlock()
		return errors.Join(err, Failed(b.board, failed.Err))
	}
	return err
}

// watched ends a run whose board is taken away.
type watched struct {
	dut.Machine
	lease *Lease
	of    *leased
}

// notOurs is the error of a run whose board somebody took.
func notOurs(board, why string) error {
	return fmt.Errorf("board %s is not ours any more: %s", board, why)
}

// lostEvery is how often a lease is looked at.
const lostEvery = time.Second

// Run implements dut.Machine.
func (w *watched) Run(ctx context.Context) (dut.End, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		tick := time.NewTicker(lostEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if why := w.lease.Lost(); why != "" {
				cancel(notOurs(w.of.board, why))
				return
			}
		}
	}()
	end, err := w.Machine.Run(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return end, cause
	}
	if err != nil {
		var boot *dut.BootError
		if errors.As(err, &boot) {
			return end, errors.Join(err, Clear(w.of.board))
		}
		return end, w.of.blame(err)
	}
	return end, Clear(w.of.board)
}
