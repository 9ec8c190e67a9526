// SPDX-License-Identifier: Apache-2.0

package port

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Caps is what a port can do, and what it cannot see.
type Caps struct {
	Write    bool `json:"write"`
	Break    bool `json:"break"`    // Break puts a BREAK on the line
	Counters bool `json:"counters"` // errors of the line are counted or told
	Rate     bool `json:"rate"`     // the rate that was set is read back
	// Unseen are things that may happen to the line without our seeing them, each in a few words.
	Unseen []string `json:"unseen"`
}

// Line is a port for who drives a board: it types, sends BREAK and reads the log. *Port is one. Its methods may be used by any goroutine while
// Run is going. A port that is away at the moment answers with ErrAway.
type Line interface {
	// Write sends all of b or returns an error that says how much was sent.
	Write(ctx context.Context, b []byte) error
	// Break holds the line in BREAK for d, after what was written. A port that cannot answers with ErrNoBreak.
	Break(ctx context.Context, d time.Duration) error
	Caps() Caps
}

var _ Line = (*Port)(nil)

var (
	// ErrNoBreak is returned where a BREAK cannot be sent; a pty takes the call and drops it, so it is not asked.
	ErrNoBreak = errors.New("this port carries no BREAK")
	// ErrAway is returned while a port that went away is waited for.
	ErrAway = errors.New("the port is away")
)

// Dial is Open under the name that who drives a board looks for.
func Dial(ctx context.Context, cfg Config) (*Port, error) { return Open(ctx, cfg) }

// Write sends all of b.
func (p *Port) Write(ctx context.Context, b []byte) error {
	err := p.with(ctx, func(ctx context.Context, src source) error { return src.write(ctx, b) })
	if err != nil {
		return fmt.Errorf("write %d bytes to %s: %w", len(b), p.cfg.Name, err)
	}
	return nil
}

// Break holds the line in BREAK for d.
func (p *Port) Break(ctx context.Context, d time.Duration) error {
	err := p.with(ctx, func(ctx context.Context, src source) error { return src.sendBreak(ctx, d) })
	if err != nil {
		return fmt.Errorf("send BREAK on %s: %w", p.cfg.Name, err)
	}
	return nil
}

// Caps is what the port could do when it was opened last.
func (p *Port) Caps() Caps {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.caps
}

// with calls f with the source as long as it is there; f's context ends when it goes away. One sender at a time.
func (p *Port) with(ctx context.Context, f func(context.Context, source) error) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.mu.Lock()
	src, away := p.src, p.away
	p.mu.Unlock()
	if src == nil {
		return ErrAway
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(away, cancel)()
	err := f(ctx, src)
	if err != nil && away.Err() != nil {
		return errors.Join(ErrAway, err)
	}
	return err
}

// take makes src the port's source.
func (p *Port) take(src source) {
	away, goes := context.WithCancel(context.Background())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.src, p.caps, p.away, p.goes = src, src.caps(), away, goes
}

// drop closes the source, as soon as nobody sends by it. The caps stay as they were.
func (p *Port) drop() (last source) {
	p.mu.Lock()
	last, p.src = p.src, nil
	if p.goes != nil {
		p.goes()
	}
	p.mu.Unlock()
	if last == nil {
		return nil
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	_ = last.Close()
	return last
}
