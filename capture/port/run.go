// SPDX-License-Identifier: Apache-2.0

package port

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lastpage/capture/wire"
)

// Run reads the port until ctx ends, into the log and, if it is not nil, into w, which it closes: the capture is whole then. A port that goes
// away (an adapter that lost its power) is a gap: it is marked, and the same port is opened again as soon as it is there. Where that can
// never be, or a server refuses again and again, Run ends by itself and Report.Void says why. The error says what went wrong with the capture
// itself; the end of ctx is none.
func (p *Port) Run(ctx context.Context, w *wire.Writer) (*Report, error) {
	caps := p.Caps()
	r := &run{Port: p, w: w, report: &Report{Schema: wire.ReportSchema, Name: p.cfg.Name, Unseen: append([]string{}, caps.Unseen...), Others: []string{}, Void: []string{}}}
	err := r.loop(ctx)
	p.log.Close(err)
	if w != nil {
		end := w.Close
		if err != nil {
			end = w.Abandon
		}
		err = errors.Join(err, end())
	}
	r.verdict()
	if err != nil {
		return r.report, fmt.Errorf("capture %s: %w", p.cfg.Name, err)
	}
	return r.report, nil
}

type run struct {
	*Port
	w       *wire.Writer
	report  *Report
	book    *ledger
	stall   stall
	comings comings
	heard   int64  // last sign of life of the port, ns
	end     string // why the capture ended by itself
}

func (r *run) loop(ctx context.Context) error {
	buf := make([]byte, readBytes)
	r.begin()
	defer r.drop()
	r.stall = r.opened
	last := r.now()
	for {
		r.src.ready(readWait)
		if err := r.stood(); err != nil {
			return err
		}
		pieces, err := r.src.read(buf)
		now := r.now()
		if len(pieces) > 0 {
			r.heard = now
			if aerr := r.append(pieces, now); aerr != nil {
				return aerr
			}
		}
		if err == nil && (now-last >= int64(checkEvery) || ctx.Err() != nil) {
			last = now
			if err := r.check(now, ctx.Err() != nil); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return r.finish()
		}
		if err != nil {
			if again, err := r.reopen(ctx, err); !again {
				return err
			}
		}
	}
}

// begin takes over a port that was just opened.
func (r *run) begin() {
	now := r.now()
	r.book = r.src.ledger()
	r.heard = now
	r.comings.opened(now)
	r.report.HasCounters = r.Caps().Counters
	for _, u := range r.Caps().Unseen {
		if !slices.Contains(r.report.Unseen, u) {
			r.report.Unseen = append(r.report.Unseen, u)
		}
	}
	if rate := r.src.rate(); r.report.Baud == 0 || rate != r.cfg.Baud {
		r.report.Baud = rate
	}
}

// append puts pieces in the log and the files; marks among them are counted.
func (r *run) append(pieces []piece, now int64) error {
	for _, p := range pieces {
		if p.kind != 0 {
			if err := r.placed(p, now); err != nil {
				return err
			}
			continue
		}
		if r.book != nil {
			r.book.read += int64(len(p.data))
		}
		if err := r.log.Append(p.data, now); err != nil {
			return err
		}
		if r.w == nil {
			continue
		}
		if err := r.w.Append(p.data, now); err != nil {
			return err
		}
	}
	return nil
}

// placed marks what came at its place in the stream.
func (r *run) placed(p piece, now int64) error {
	told := wire.Counted{}
	n := max(1, int(p.count))
	switch p.kind {
	case wire.MarkBreak:
		told.Break = n
		if r.book != nil {
			r.book.read++ // the driver counts it as a character
		}
	case wire.MarkFraming:
		told.Framing = n
	case wire.MarkParity:
		told.Parity = n
	case wire.MarkOverrun:
		told.Overrun = n
	}
	if r.book != nil {
		add(&r.book.told, told)
	}
	add(&r.report.Counted, told)
	return r.mark(p.kind, now, p.count)
}

func add(to *wire.Counted, c wire.Counted) {
	to.Overrun += c.Overrun
	to.Framing += c.Framing
	to.Parity += c.Parity
	to.Break += c.Break
}

func (r *run) mark(k wire.MarkKind, now int64, count uint64) error {
	m, err := r.log.AddMark(k, now, count)
	if err != nil || r.w == nil {
		return err
	}
	return r.w.AddMark(m)
}

func (r *run) tell(format string, args ...any) {
	if r.cfg.Tell != nil {
		r.cfg.Tell(fmt.Sprintf(format, args...))
	}
}

// void notes a reason once.
func (r *run) void(format string, args ...any) {
	if why := fmt.Sprintf(format, args...); !slices.Contains(r.report.Void, why) {
		r.report.Void = append(r.report.Void, why)
	}
}

// finish marks what is still owed when the capture ends.
func (r *run) finish() error {
	now := r.now()
	if err := r.stall.settle(r, now, true); err != nil {
		return err
	}
	if p, ok := r.src.(remote); ok {
		if quiet := p.silence(); quiet > silentAfter {
			r.void("the other side had not answered for %v when the capture ended", quiet.Round(time.Second))
			return r.mark(wire.MarkGap, now, uint64(quiet))
		}
	}
	return nil
}

// verdict lists why the capture must not be charged to the machine.
func (r *run) verdict() {
	rep, c := r.report, r.report.Counted
	if rep.Gaps > 0 {
		r.void("the port went away %d times", rep.Gaps)
	}
	if r.end != "" {
		r.void("%s", r.end)
	}
	if rep.Baud != 0 && rep.Baud != r.cfg.Baud && SetsRate(r.cfg.Name) {
		r.void("%d baud were asked for, %d are set", r.cfg.Baud, rep.Baud)
	}
	for _, o := range rep.Others {
		r.void("another program had the port open too: %s", o)
	}
	if rep.Unread > 0 {
		r.void("the port received %d bytes that we never got", rep.Unread)
	}
	if c.Overrun > 0 {
		r.void("%d overruns", c.Overrun)
	}
	if c.Framing > 0 {
		r.void("%d framing errors", c.Framing)
	}
	if c.Parity > 0 {
		r.void("%d parity errors", c.Parity)
	}
}
