// SPDX-License-Identifier: Apache-2.0

package port

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lastpage/capture/wire"
)

// Run reads the port until ctx ends, into the log and, if it is not nil, into
// w, which it closes: the capture is whole then. A port that goes away (an
// adapter that lost its power) is a gap: it is marked, and the same path is
// opened again as soon as it is there. The error says what went wrong with the
// capture itself; the end of ctx is none.
func (p *Port) Run(ctx context.Context, w *wire.Writer) (*Report, error) {
	r := &run{Port: p, w: w, report: &Report{Schema: Schema, Name: p.cfg.Name, Baud: p.src.baud(), Void: []string{}}}
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
	w      *wire.Writer
	report *Report
	base   counters
	counts bool
}

func (r *run) loop(ctx context.Context) error {
	buf := make([]byte, readBytes)
	r.begin()
	defer func() {
		if r.src != nil {
			_ = r.src.Close()
		}
	}()
	last := r.now()
	for {
		n, err := r.src.Read(buf)
		now := r.now()
		if n > 0 {
			if aerr := r.append(buf[:n], now); aerr != nil {
				return aerr
			}
		}
		if err == nil && (now-last >= int64(checkEvery) || ctx.Err() != nil) {
			last = now
			if err := r.check(now); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			if again, err := r.reopen(ctx, now); !again {
				return err
			}
		}
	}
}

func (r *run) begin() {
	c, err := r.src.counters()
	r.base, r.counts = c, err == nil
	r.report.HasCounters = r.counts
}

func (r *run) append(b []byte, now int64) error {
	if err := r.log.Append(b, now); err != nil {
		return err
	}
	if r.w == nil {
		return nil
	}
	return r.w.Append(b, now)
}

func (r *run) mark(k wire.MarkKind, now int64, count uint64) error {
	m, err := r.log.AddMark(k, now, count)
	if err != nil || r.w == nil {
		return err
	}
	return r.w.AddMark(m)
}

// check marks what the UART has counted since the last look. The mark lies
// after the bytes that were read by then, up to checkEvery after the event.
func (r *run) check(now int64) error {
	if !r.counts {
		return nil
	}
	c, err := r.src.counters()
	if err != nil {
		return nil // the port is going away; the next read says so
	}
	d := c.since(r.base)
	r.base = c
	for _, m := range []struct {
		kind wire.MarkKind
		n    int
		sum  *int
	}{{wire.MarkOverrun, d.Overrun, &r.report.Counted.Overrun}, {wire.MarkFraming, d.Framing, &r.report.Counted.Framing},
		{wire.MarkParity, d.Parity, &r.report.Counted.Parity}, {wire.MarkBreak, d.Break, &r.report.Counted.Break}} {
		if m.n == 0 {
			continue
		}
		*m.sum += m.n
		if err := r.mark(m.kind, now, uint64(m.n)); err != nil {
			return err
		}
	}
	return nil
}

// reopen waits for a port that went away. again is false when ctx ended first.
func (r *run) reopen(ctx context.Context, lost int64) (again bool, err error) {
	_ = r.src.Close()
	r.take(nil)
	r.report.Gaps++
	for {
		select {
		case <-ctx.Done():
			now := r.now()
			return false, r.mark(wire.MarkGap, now, uint64(now-lost))
		case <-time.After(reopenWait):
		}
		src, err := open(ctx, r.cfg)
		if err != nil {
			continue
		}
		r.take(src)
		r.begin()
		now := r.now()
		return true, r.mark(wire.MarkGap, now, uint64(now-lost))
	}
}

// verdict lists why the capture must not be charged to the machine.
func (r *run) verdict() {
	rep, c := r.report, r.report.Counted
	void := func(format string, args ...any) { rep.Void = append(rep.Void, fmt.Sprintf(format, args...)) }
	if rep.Gaps > 0 {
		void("the port went away %d times", rep.Gaps)
	}
	if rep.Baud != 0 && rep.Baud != r.cfg.Baud {
		void("%d baud were asked for, the driver set %d", r.cfg.Baud, rep.Baud)
	}
	if c.Overrun > 0 {
		void("%d overruns", c.Overrun)
	}
	if c.Framing > 0 {
		void("%d framing errors", c.Framing)
	}
	if c.Parity > 0 {
		void("%d parity errors", c.Parity)
	}
}
