// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"lastpage/capture/port"
	"lastpage/capture/wire"
)

// line is the console with the trial's part of what came over it: from begin on, in a log of its own.
type line struct {
	con  Console
	baud int
	log  *wire.Log

	stop   context.CancelFunc
	ended  chan struct{} // closed when nobody reads any more
	report *port.Report  // valid then
	err    error

	mu    sync.Mutex
	from  int64 // offset of log's first byte on the console; -1: not begun
	moved int64 // of marks that were copied
	pumps sync.WaitGroup
}

func newLine(con Console, baud int) *line {
	ctx, cancel := context.WithCancel(context.Background())
	l := &line{con: con, baud: baud, log: wire.NewLog(wire.Monotonic, wire.Frame{Baud: baud, Bits: 10}), stop: cancel, ended: make(chan struct{}), from: -1}
	go func() {
		defer close(l.ended)
		l.report, l.err = con.Run(ctx, nil)
	}()
	return l
}

// begin starts the trial's log with what comes next.
func (l *line) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.con.Log()
	l.from, l.moved = all.Len(), int64(len(all.Marks()))
	l.pumps.Add(1)
	go func() {
		defer l.pumps.Done()
		l.log.Close(l.pump(all, l.from))
	}()
}

// pump copies bytes with their times, and marks at their places, until the console's log is closed.
func (l *line) pump(all *wire.Log, n int64) error {
	for {
		err := all.Wait(context.Background(), n+1)
		to := all.Len()
		marks := all.Marks()[l.moved:]
		for n < to || len(marks) > 0 {
			end := to
			if len(marks) > 0 && marks[0].Off <= end {
				end = marks[0].Off
			}
			if end > n {
				ends := make([]int64, end-n)
				for i := range ends {
					ends[i], _ = all.TimeAt(n + int64(i))
				}
				if err := l.log.Append(all.Bytes(n, end), ends...); err != nil {
					return err
				}
				n = end
			}
			if len(marks) == 0 {
				continue
			}
			if marks[0].Off > n {
				break
			}
			if _, err := l.log.AddMark(marks[0].Kind, marks[0].NS, marks[0].Count); err != nil {
				return err
			}
			marks = marks[1:]
			l.moved++
		}
		if errors.Is(err, wire.ErrClosed) && n == all.Len() {
			return l.err
		}
	}
}

// because are the capture's own reasons for its marks, in brackets; "" if it gives none. It must have ended.
func (l *line) because() string {
	if l.report == nil || len(l.report.Void) == 0 {
		return ""
	}
	return " (" + strings.Join(l.report.Void, "; ") + ")"
}

func (l *line) marks() []wire.Mark { return l.log.Marks() }

// close ends the capture; the trial's log is complete then.
func (l *line) close() error {
	l.stop()
	<-l.ended
	l.mu.Lock()
	begun := l.from >= 0
	l.mu.Unlock()
	if begun {
		l.pumps.Wait()
	} else {
		l.log.Close(nil)
	}
	return l.err
}

// byteTime is how long n bytes take on the line.
func (l *line) byteTime(n int) time.Duration {
	return time.Duration(n) * 10 * time.Second / time.Duration(l.baud)
}

// writeSlack is what a terminal server may take on top of the line's own time.
const writeSlack = 5 * time.Second

// send types text.
func (l *line) send(ctx context.Context, text string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*l.byteTime(len(text))+writeSlack)
	defer cancel()
	if err := l.con.Write(ctx, []byte(text)); err != nil {
		return fmt.Errorf("type %.40q: %w", text, err)
	}
	return nil
}

// Lengths of a BREAK, and of the pause after it: a BREAK may overtake bytes on its way, and bytes it.
const (
	breakTime = 250 * time.Millisecond
	breakGap  = 100 * time.Millisecond
)

// sysrq sends a BREAK and a key.
func (l *line) sysrq(ctx context.Context, key string) error {
	if err := l.con.Break(ctx, breakTime); err != nil {
		return fmt.Errorf("send a BREAK: %w", err)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(breakGap):
	}
	return l.send(ctx, key)
}

// expect waits for one of the patterns in the trial's log.
func (l *line) expect(ctx context.Context, from int64, limit time.Duration, patterns ...wire.Pattern) (wire.Match, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it did not come within %s", limit))
	defer cancel()
	return wire.Expect(ctx, l.log, from, patterns...)
}

// quiet waits until the console has been silent for so long.
func (l *line) quiet(ctx context.Context, silence, limit time.Duration) error {
	all := l.con.Log()
	for begin := time.Now(); ; {
		n := all.Len()
		wait, cancel := context.WithTimeout(ctx, silence)
		err := all.Wait(wait, n+1)
		cancel()
		switch {
		case errors.Is(err, wire.ErrClosed):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return nil
		case time.Since(begin) > limit:
			return fmt.Errorf("the console still talks after %s", limit)
		}
	}
}

// now is this machine's time on the log's clock, ns.
func now() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // every Linux has it
	return t.Nano()
}
