// SPDX-License-Identifier: Apache-2.0

package stress

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"lastpage/capture/pattern"
	"lastpage/capture/port"
)

const (
	quiet  = 10 * time.Second // nothing more comes after a silence like this, on top of what is on its way: a busy machine has been seen to be silent for 4 s
	stuck  = 15 * time.Second // a line that takes nothing for so long stands
	leaves = time.Second      // what a port or a server holds has left it, on top of what is on its way
	paused = time.Millisecond // between looks whether more may be sent
	// Bytes that may be on their way: half a second of the line, but these at least, or these where nobody knows its rate.
	leastWindow, anyWindow = 1 << 10, 64 << 10
)

// Sender sends a stream at the full rate of a line.
type Sender struct {
	Writer *pattern.Writer
	Put    func(ctx context.Context, b []byte) error
	Rate   int64 // of the line, bytes/s; 0: nobody knows
	Time   time.Duration
	// Heard is how much of it has come to its other end, bytes; nil: nobody knows. No more is sent than a window before it.
	Heard func() int64

	sent  atomic.Int64
	begun time.Time
	took  time.Duration
}

// Sent is how many bytes the port took.
func (s *Sender) Sent() int64 { return s.sent.Load() }

// window is how many bytes may be on their way.
func (s *Sender) window() int64 {
	if s.Rate == 0 {
		return anyWindow
	}
	return max(leastWindow, s.Rate/2)
}

// flight is how long what is on its way takes.
func (s *Sender) flight() time.Duration {
	if s.Rate == 0 {
		return 0
	}
	return time.Duration(s.window()) * time.Second / time.Duration(s.Rate)
}

// frames are sent at a time: a twentieth of a second.
func (s *Sender) frames() int {
	if s.Rate == 0 {
		return 4096 / pattern.FrameBytes
	}
	return int(min(4096, max(pattern.FrameBytes, s.Rate/20)) / pattern.FrameBytes)
}

// errStands: nothing of what was sent has come for so long that no more of it is sent.
var errStands = errors.New("nothing of it came any more")

// Run sends until the stream is over. The end of ctx lets it end early, in order. An error says why it is not over.
func (s *Sender) Run(ctx context.Context) error {
	hard := context.WithoutCancel(ctx)
	s.begun = time.Now()
	defer func() { s.took = time.Since(s.begun) }()
	var b []byte
	for !s.Writer.Over() {
		if ctx.Err() != nil || s.Time > 0 && time.Since(s.begun) >= s.Time {
			s.Writer.End()
		}
		b = s.Writer.Next(b[:0], s.frames())
		if err := s.room(int64(len(b))); err != nil {
			return err
		}
		wait, cancel := context.WithTimeout(hard, 2*s.flight()+stuck)
		err := s.Put(wait, b)
		cancel()
		switch {
		case errors.Is(err, port.ErrAway):
			return fmt.Errorf("the port went away after %d bytes", s.Sent())
		case errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("the port takes no more after some %d bytes: nobody reads at its other end, or flow control holds it", s.Sent())
		case err != nil:
			return err
		}
		s.sent.Add(int64(len(b)))
	}
	return nil
}

// room waits until n more bytes may be on their way.
func (s *Sender) room(n int64) error {
	last, since := int64(-1), time.Now()
	for {
		came := s.came()
		if s.Sent()+n-came <= s.window() {
			return nil
		}
		if came != last {
			last, since = came, time.Now()
		}
		if s.Heard != nil && time.Since(since) > quiet+s.flight() {
			return errStands
		}
		time.Sleep(paused)
	}
}

// came is how much may be taken for having come: what was heard or, where nobody listens here, what the line's rate allows.
func (s *Sender) came() int64 {
	switch {
	case s.Heard != nil:
		return s.Heard()
	case s.Rate == 0:
		return s.Sent()
	}
	return int64(time.Since(s.begun).Seconds() * float64(s.Rate))
}
