// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lastpage/lab/kind"
)

// Hold is a board that this process has for itself. Everything that the process does with the board meanwhile shares it.
type Hold struct {
	board string // "": of such boards everybody has one of his own
	off   func(context.Context) error
	once  sync.Once
}

// holdAgain is how often somebody who waits for a board looks whether it is free.
const holdAgain = 500 * time.Millisecond

// Hold takes the board, and waits at most so long for whoever has it; waiting is called once, with who that is. The error of a board that
// was not free in time is a *HeldError.
func (b *Board) Hold(ctx context.Context, purpose string, wait time.Duration, waiting func(*HeldError)) (*Hold, error) {
	c, shared := b.Entry.(kind.Checker)
	if !shared {
		return &Hold{}, nil
	}
	told := false
	for begin := time.Now(); ; {
		_, err := join(ctx, b.Name, purpose)
		if err == nil {
			return &Hold{board: b.Name, off: func(ctx context.Context) error { return c.Off(ctx, b.Name) }}, nil
		}
		var held *HeldError
		if !errors.As(err, &held) || time.Since(begin) >= wait {
			return nil, err
		}
		if !told && waiting != nil {
			waiting(held)
		}
		told = true
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(holdAgain):
		}
	}
}

// Release lets the board go. The last one of this process that does switches it off before.
func (h *Hold) Release() (err error) {
	h.once.Do(func() {
		if h.board != "" {
			err = part(h.board, h.off)
		}
	})
	return err
}

// shares are the leases of this process with how many users each has.
var shares = struct {
	sync.Mutex
	of map[string]*share
}{of: map[string]*share{}}

type share struct {
	lease *Lease
	users int
}

// join joins the lease of this process, or makes it.
func join(ctx context.Context, board, purpose string) (*Lease, error) {
	shares.Lock()
	defer shares.Unlock()
	s := shares.of[board]
	if s == nil {
		l, err := Take(ctx, board, Wanted{Owner: Owner(), Purpose: purpose})
		if err != nil {
			return nil, err
		}
		s = &share{lease: l}
		shares.of[board] = s
	}
	s.users++
	return s.lease, nil
}

// offLimit bounds the last thing that is done to a board. It is done though whoever used it was interrupted.
const offLimit = time.Minute

// part undoes a join. The last user of this process switches the board off, so that a dead kernel does not spin for a night, and gives the
// lease back.
func part(board string, off func(context.Context) error) error {
	shares.Lock()
	defer shares.Unlock()
	s := shares.of[board]
	if s == nil {
		return nil
	}
	if s.users--; s.users > 0 {
		return nil
	}
	delete(shares.of, board)
	var err error
	if off != nil && s.lease.Lost() == "" {
		ctx, cancel := context.WithTimeout(context.Background(), offLimit)
		defer cancel()
		if err = off(ctx); err != nil {
			err = fmt.Errorf("board %s: it is left switched on: %w", board, err)
		}
	}
	return errors.Join(err, s.lease.Release()) // the lock goes with the descriptor in any case
}
