// SPDX-License-Identifier: Apache-2.0

package port

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"lastpage/capture/wire"
)

const (
	openTries    = 3                      // of Open, while a server refuses
	refusedTries = 6                      // of reopening, while a server refuses
	shortTries   = 4                      // connections in a row that were cut soon, though the server was there all the time
	shortFor     = 10 * time.Second       // what soon means
	firstPause   = 250 * time.Millisecond // between attempts to open a port that went away
	longestPause = 8 * time.Second        // between attempts to ask a server that refuses or cuts
	silentAfter  = 2*probeEvery + 500*time.Millisecond
)

// pause grows with the number of tries that failed by the other side's will.
func pause(tries int) time.Duration { return min(firstPause<<min(tries, 10), longestPause) }

// comings counts how a port came and went.
type comings struct {
	since   int64 // ns of the last opening
	short   int   // connections in a row that were cut soon after
	refused int   // refusals in a row
	slow    int   // other failures in a row that cost the other side something
}

func (c *comings) opened(now int64) { c.since = now }

// reopen waits for a port that went away. again is false when ctx ended first, or when it is no use to wait.
func (r *run) reopen(ctx context.Context, cause error) (again bool, err error) {
	lost := r.lost(cause)
	if t, ok := r.src.(*tty); ok {
		t.kept = true
		defer t.place.Close()
	}
	last := r.drop()
	r.report.Gaps++
	r.tell("the port went away: %v", cause)
	r.comings.count(r.now(), cause)
	if why := r.comings.hopeless(cause); why != "" {
		return false, r.giveUp(why, lost)
	}
	for told := ""; ; {
		if nap(ctx, r.comings.pause()) != nil {
			now := r.now()
			return false, r.mark(wire.MarkGap, now, uint64(now-lost))
		}
		src, err := open(ctx, r.cfg, last)
		if err == nil {
			r.take(src)
			r.begin()
			r.tell("the port is back")
			now := r.now()
			r.stall.start(now, r.asleep())
			return true, r.mark(wire.MarkGap, now, uint64(now-lost))
		}
		if why := r.comings.failed(err); why != "" {
			return false, r.giveUp(why, lost)
		}
		if text := err.Error(); text != told && ctx.Err() == nil {
			told = text
			r.tell("waiting for the port: %s", text)
		}
	}
}

// lost is the last moment at which the port was surely there.
func (r *run) lost(cause error) int64 {
	now := r.now()
	p, isRemote := r.src.(remote)
	if !isRemote || ended(cause) {
		return now
	}
	return min(now, max(r.heard, now-int64(p.silence())))
}

func (r *run) giveUp(why string, lost int64) error {
	r.end = why
	r.tell("the capture ends: %s", why)
	now := r.now()
	return r.mark(wire.MarkGap, now, uint64(now-lost))
}

// count notes a connection that its other side cut.
func (c *comings) count(now int64, cause error) {
	c.refused = 0
	if now-c.since >= int64(shortFor) {
		c.short, c.slow = 0, 0
		return
	}
	if ended(cause) {
		c.short++
	}
	if errors.As(cause, new(*commandFailure)) {
		c.slow++
	}
}

// hopeless says why a port that went away like this is not opened again.
func (c *comings) hopeless(cause error) string {
	switch {
	case errors.Is(cause, errCommandEnded) || errors.Is(cause, errTelnet):
		return cause.Error()
	case c.short >= shortTries:
		return fmt.Sprintf("the server cut %d connections in a row within %v: another client takes the port each time", c.short, shortFor)
	}
	return ""
}

// failed notes an attempt to open that failed, and says why there shall be no other.
func (c *comings) failed(err error) string {
	var no *refusal
	switch {
	case errors.As(err, &no):
		if c.refused++; c.refused >= refusedTries {
			return fmt.Sprintf("%v, %d times", no, c.refused)
		}
	case errors.Is(err, errGone) || errors.Is(err, errTelnet):
		return err.Error()
	case errors.As(err, new(*commandFailure)):
		c.slow++
	case errors.Is(err, unix.ECONNREFUSED):
		c.short = 0 // the server itself was away: nobody else took the port
	}
	return ""
}

func (c *comings) pause() time.Duration { return pause(c.short + c.refused + c.slow) }
