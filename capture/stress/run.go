// SPDX-License-Identifier: Apache-2.0

package stress

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lastpage/capture/pattern"
	"lastpage/capture/port"
)

// Run opens the ports, stresses the line, and reports. The end of ctx lets it end in order, with what is known by then. The error is the lab's:
// a port that cannot be opened or read.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	r := &run{cfg: &cfg, begun: time.Now()}
	defer r.stop()
	for _, p := range cfg.Ports {
		if err := r.open(ctx, p); err != nil {
			return nil, err
		}
	}
	for _, l := range r.plan() {
		r.start(ctx, l)
	}
	r.watch()
	r.stop()
	return r.report(ctx)
}

// run is one run of a stressor.
type run struct {
	cfg   *Config
	begun time.Time
	ends  []*end
	ways  []*way
	going sync.WaitGroup
}

// end is an open port.
type end struct {
	name   string
	port   Port
	stop   context.CancelFunc
	ended  chan struct{}
	report *port.Report // valid once it has
	err    error
}

// way is one direction.
type way struct {
	from, to *end // nil: another program's
	sender   *Sender
	hearer   *Hearer
	line     *Line
	err      error
}

func (r *run) open(ctx context.Context, cfg port.Config) error {
	p, err := r.cfg.open(ctx, cfg)
	if err != nil {
		return err
	}
	p.Log().SetKeep(heldBytes)
	running, stop := context.WithCancel(context.WithoutCancel(ctx)) // what is on its way is waited for
	e := &end{name: cfg.Name, port: p, stop: stop, ended: make(chan struct{})}
	r.ends = append(r.ends, e)
	go func() {
		defer close(e.ended)
		e.report, e.err = p.Run(running, nil)
	}()
	return nil
}

// stop closes the ports.
func (r *run) stop() {
	for _, e := range r.ends {
		e.stop()
	}
	for _, e := range r.ends {
		<-e.ended
	}
}

// plan is which ways there are.
func (r *run) plan() []*way {
	a := r.ends[0]
	switch r.cfg.Mode {
	case Peer:
		b := r.ends[1]
		return []*way{{from: a, to: b}, {from: b, to: a}}
	case Listen:
		return []*way{{to: a}}
	case Send:
		return []*way{{from: a}}
	}
	return []*way{{from: a, to: a}}
}

// start lets a way go.
func (r *run) start(ctx context.Context, w *way) {
	cfg := r.cfg
	r.ways = append(r.ways, w)
	w.line = &Line{}
	reader := pattern.NewReader(cfg.Form)
	if w.from != nil {
		s := pattern.NewStream(cfg.Form)
		reader = s.Reader()
		frames := int64(-1)
		if cfg.Bytes > 0 {
			frames = pattern.Frames(cfg.Bytes)
		}
		w.line.From = w.from.name
		w.sender = &Sender{Writer: s.Writer(frames), Put: w.from.port.Write, Rate: int64(cfg.Baud) / 10, Time: cfg.Time}
	}
	if w.to != nil {
		w.line.To = w.to.name
		w.hearer = NewHearer(w.to.port.Log(), 0, reader)
	}
	if w.sender != nil && w.hearer != nil {
		w.sender.Heard = w.hearer.Come
	}
	r.going.Add(1)
	go func() {
		defer r.going.Done()
		w.run(ctx, cfg)
	}()
}

// run sends and hears until all that was sent has come or nothing comes any more.
func (w *way) run(ctx context.Context, cfg *Config) {
	if w.sender == nil {
		w.listen(ctx, cfg)
		return
	}
	over := make(chan struct{})
	var stuck error
	go func() {
		defer close(over)
		stuck = w.sender.Run(ctx)
	}()
	limit := quiet + w.sender.flight()
	if w.hearer != nil {
		w.err = w.hearer.Run(context.WithoutCancel(ctx), func(silence time.Duration) bool {
			select {
			case <-over:
				return silence > limit
			default:
				return false
			}
		})
	}
	<-over
	if w.hearer == nil {
		time.Sleep(leaves + w.sender.flight()) // what is on its way, before the port is closed
	}
	sent := w.sender.Sent()
	w.line.Sent = &sent
	frames := sent / pattern.FrameBytes
	switch {
	case errors.Is(stuck, errStands):
		w.line.Stuck = fmt.Sprintf("%v for %s", stuck, limit)
	case stuck != nil:
		w.line.Stuck, frames = stuck.Error(), -1 // a part of what followed may have gone
	}
	if w.hearer != nil {
		w.hearer.Finish(w.line, frames)
	} else if took := w.sender.took.Seconds(); took > 0 && sent > 0 {
		rate := float64(sent) / took
		w.line.Rate = &rate
	}
}

// listen hears until the stream, the time, the bytes or ctx end.
func (w *way) listen(ctx context.Context, cfg *Config) {
	begun := time.Now()
	w.err = w.hearer.Run(ctx, func(silence time.Duration) bool {
		return cfg.Time > 0 && time.Since(begun) >= cfg.Time || cfg.Bytes > 0 && w.hearer.Come() >= cfg.Bytes || w.hearer.Told() && silence > quiet
	})
	w.hearer.Finish(w.line, -1)
}

// watchEvery is how often Watch is told.
const watchEvery = 500 * time.Millisecond

// watch waits for the ways.
func (r *run) watch() {
	over := make(chan struct{})
	go func() {
		defer close(over)
		r.going.Wait()
	}()
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	for {
		select {
		case <-over:
			return
		case <-t.C:
			if r.cfg.Watch != nil {
				r.cfg.Watch(r.progress())
			}
		}
	}
}

func (r *run) progress() Progress {
	p := Progress{Elapsed: time.Since(r.begun)}
	for _, w := range r.ways {
		if w.sender != nil {
			p.Sent += w.sender.Sent()
		}
		if w.hearer != nil {
			now := w.hearer.Now()
			p.Received += now.Received
			p.Bad += Bad(&now)
		}
	}
	return p
}

// report puts together what is known, once the ports are closed.
func (r *run) report(ctx context.Context) (*Report, error) {
	form := "binary"
	if r.cfg.Form == pattern.Text {
		form = "text"
	}
	rep := &Report{Schema: Schema, Mode: r.cfg.Mode, Form: form, Baud: r.cfg.Baud, Clean: true, Interrupted: ctx.Err() != nil,
		TookNS: int64(time.Since(r.begun)), Lines: []*Line{}, Ports: []*port.Report{}}
	var all error
	for _, e := range r.ends {
		rep.Ports = append(rep.Ports, e.report)
		all = errors.Join(all, e.err)
	}
	for _, w := range r.ways {
		rep.Lines = append(rep.Lines, w.line)
		all = errors.Join(all, w.err)
		if w.line.Heard != nil && !w.line.Heard.Clean() {
			rep.Clean = false
		}
	}
	return rep, all
}
