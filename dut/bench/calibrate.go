// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"lastpage/capture/pattern"
	"lastpage/capture/stress"
	"lastpage/capture/wire"
	"lastpage/kernels/plan"
)

// Stress is what the board's stressor was told: the streams of the two directions, and how long each is sent. Both are text, which is what a
// console carries.
type Stress struct {
	FromBoard, ToBoard pattern.Stream
	Time               time.Duration
}

// Calibration is what a board's line was worth when it was stressed.
type Calibration struct {
	FromBoard *stress.Line `json:"from_board"`
	ToBoard   *stress.Line `json:"to_board"` // null: it was not tried
	// What the board's own port counted of what was sent to it; null: it does not count.
	Overruns *int64 `json:"board_overruns"`
	Framing  *int64 `json:"board_framing_errors"`
	Parity   *int64 `json:"board_parity_errors"`
	// Faults are why nothing may be graded on this line: what it did to the bytes from the board, and what the capture knows of its own losses.
	Faults []string `json:"faults"`
}

// Limits of a calibration, on top of what the bytes take.
const (
	streamLimit  = 30 * time.Second // until the board's stream begins
	streamQuiet  = 10 * time.Second // a silence in it that ends it
	accountLimit = 40 * time.Second // until the board tells what it heard, and slowly times as long as the sending took
	slowly       = 4                // a board may take what is sent slower than its line: a server that waits for it keeps it
)

const lineCure = "lastpage stress on the same port, with a plug in place of the board, tells the port's part from the board's; look at the rate, at flow control, and at what lies between"

// checkLine has the board send the pattern at its full rate, and then sends one to it. nil: it could not be done.
func (m *machine) checkLine(ctx context.Context, s Stress, tell func(Finding)) *Calibration {
	cal, heard, err := m.calibrate(ctx, s)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		tell(Finding{What: "line", Says: err.Error()})
		return nil
	}
	f := Finding{What: "line, from board", OK: len(cal.Faults) == 0, Says: LineWords(cal.FromBoard, m.s.Baud)}
	if !f.OK {
		f.Says, f.Cure = strings.Join(append([]string{f.Says}, cal.Faults...), "\n"), lineCure+"; nothing is graded until this passes"
	}
	tell(f)
	if heard != nil {
		tell(Finding{What: "line, to board", Says: heard.Error(), Cure: lineCure})
		return cal
	}
	f = Finding{What: "line, to board", OK: cal.ToBoard.Heard.Clean(), Says: LineWords(cal.ToBoard, m.s.Baud), Harmless: true}
	if n := cal.Overruns; n != nil {
		f.Says += fmt.Sprintf("; its port counted %d overruns", *n)
	}
	if !f.OK {
		f.Cure = lineCure + "; what is typed at its loader is checked, so trials go on"
	}
	tell(f)
	return cal
}

// LineWords tells what a line did, and on lines of their own where.
func LineWords(l *stress.Line, baud int) string {
	h := l.Heard
	words := fmt.Sprintf("of %d bytes %d lost, %d changed, %d doubled, %d inserted", h.End-h.First, h.Lost, h.Changed, h.Doubled, h.Inserted)
	if l.Rate != nil {
		words += fmt.Sprintf("; %.0f bytes/s, %.0f %% of the line", *l.Rate, *l.Rate*1000/float64(baud))
	}
	if l.GapNS != nil {
		words += fmt.Sprintf("; longest gap %.1f ms", float64(*l.GapNS)/1e6)
	}
	for i := range min(3, len(h.Faults)) {
		words += "\n" + stress.Words(&h.Faults[i])
	}
	return words
}

// calibrate gives what is known of the direction from the board, and in heard why nothing is of the other one. The error says why nothing is
// known at all.
func (m *machine) calibrate(ctx context.Context, s Stress) (cal *Calibration, heard, err error) {
	log := m.line.log
	h := stress.NewHearer(log, m.armedAt.off, s.FromBoard.Reader())
	begin := time.Now()
	err = h.Run(ctx, func(silence time.Duration) bool {
		return silence > streamQuiet && h.Met() || silence > streamLimit || time.Since(begin) > streamLimit+2*s.Time+streamQuiet
	})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, nil, err
	}
	cal = &Calibration{FromBoard: &stress.Line{From: "the board", To: m.s.Place}, Faults: []string{}}
	if !h.Met() {
		_, aerr := m.account(ctx, m.armedAt.off, accountLimit)
		return nil, nil, errors.Join(fmt.Errorf("no pattern came from the board in %s, but %d other bytes", streamLimit, h.Now().Received), aerr, ctx.Err())
	}
	sender := &stress.Sender{Writer: s.ToBoard.Writer(-1), Put: m.line.con.Write, Rate: int64(m.s.Baud) / 10, Time: s.Time}
	if rate := h.Rate(); rate != nil { // a board that does not keep up with its line as it sends does not as it receives
		sender.Rate = min(sender.Rate, max(int64(*rate), 1))
	}
	serr := sender.Run(ctx)
	sent := sender.Sent()
	a, aerr := m.account(ctx, m.armedAt.off, accountLimit+slowly*s.Time)
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	frames := int64(-1)
	if a != nil {
		frames = a.Sent / pattern.FrameBytes
		cal.FromBoard.Sent = &a.Sent
	}
	h.Finish(cal.FromBoard, frames)
	cal.judge(m.line.marks(), m.armedAt.off)
	switch {
	case serr != nil:
		return cal, serr, nil
	case aerr != nil:
		return cal, aerr, nil
	}
	cal.ToBoard = &stress.Line{From: m.s.Place, To: "the board", Sent: &sent, Heard: a.Heard}
	if a.HeardNS != nil && *a.HeardNS > 0 {
		rate := float64(a.Heard.Received) / (float64(*a.HeardNS) / 1e9)
		cal.ToBoard.Rate = &rate
	}
	cal.Overruns, cal.Framing, cal.Parity = a.Overruns, a.Framing, a.Parity
	return cal, nil, nil
}

// judge says why nothing may be graded on the line.
func (c *Calibration) judge(marks []wire.Mark, from int64) {
	h := c.FromBoard.Heard
	if !h.Clean() {
		c.Faults = append(c.Faults, fmt.Sprintf("of %d bytes from the board %d were lost, %d changed, %d doubled, and %d inserted", h.End-h.First, h.Lost, h.Changed, h.Doubled, h.Inserted))
	}
	if !h.Ended {
		c.Faults = append(c.Faults, fmt.Sprintf("the board's stream broke off after %d bytes", h.End))
	}
	for _, k := range marks {
		if k.Kind.Lossy() && k.Off >= from {
			c.Faults = append(c.Faults, fmt.Sprintf("%s at byte %d", k.Kind, k.Off))
		}
	}
}

// account waits for what the board tells when its stressor has ended.
func (m *machine) account(ctx context.Context, look int64, limit time.Duration) (*pattern.Account, error) {
	log := m.line.log
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errors.New("late"))
	defer cancel()
	for n := look; ; n = log.Len() {
		message, end := plan.FindReport(log.Bytes(look, n))
		look += int64(end)
		switch {
		case message != nil && message.Event == plan.EventError:
			return nil, fmt.Errorf("the board could not do it: %s", message.Text)
		case message != nil && message.Event == plan.EventRan:
			a := new(pattern.Account)
			if err := json.Unmarshal([]byte(message.Line), a); err != nil || a.Heard == nil {
				return nil, fmt.Errorf("the board's stressor failed: %s: %.300s", message.Text, strings.TrimSpace(message.Line))
			}
			return a, nil
		case message != nil:
			continue // the other copy of one that was read
		}
		if err := log.Wait(ctx, n+1); err != nil {
			return nil, fmt.Errorf("the board did not tell within %s what it has heard", limit)
		}
	}
}
