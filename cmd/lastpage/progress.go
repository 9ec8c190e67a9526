// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// quietFlag adds --quiet to a command that shows progress.
func quietFlag(c *cobra.Command) {
	c.Flags().Bool("quiet", false, "no progress and no remarks on standard error; errors stay")
}

// remarks is where a command says what is neither its result nor an error.
func remarks(cmd *cobra.Command) io.Writer {
	if quiet, err := cmd.Flags().GetBool("quiet"); err == nil && quiet {
		return io.Discard
	}
	return cmd.ErrOrStderr()
}

// progress shows what long work is at: on a terminal one line that is rewritten, with a clock that runs and is never wider than the terminal;
// elsewhere, and on a terminal that knows no escapes, a line for each step. It may be told by several goroutines.
type progress struct {
	w     io.Writer
	errs  io.Writer  // for errors, which are said in any case
	width func() int // of the terminal, columns; nil: a line for each step
	now   func() time.Time

	mu    sync.Mutex
	start time.Time
	line  string
	count count
	// counting: the line is of something countable. What comes between has no share in the count.
	counting bool
	tick     chan struct{} // closed when nothing is to be redrawn
}

// count is how far countable work has come.
type count struct {
	done, of int
	first    int       // done when the first piece was finished
	since    time.Time // then
	at       time.Time // of the last count
	going    bool      // a piece was finished
}

func newProgress(cmd *cobra.Command) *progress {
	p := &progress{w: remarks(cmd), errs: cmd.ErrOrStderr(), now: time.Now}
	p.start = p.now()
	f, ok := p.w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(f.Fd())) {
		return p
	}
	p.width = func() int {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
		return 80
	}
	return p
}

// live says whether a line is rewritten, so that more may be said than a log should hold.
func (p *progress) live() bool { return p.width != nil }

// step says what is being done now.
func (p *progress) step(format string, a ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counting = false
	p.say(fmt.Sprintf(format, a...))
}

// counted says the same of the at-th of several, of which some are done.
func (p *progress) counted(at, done, of int, what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, now := &p.count, p.now()
	if c.of != of || done < c.done || c.since.IsZero() {
		*c = count{of: of, first: done, since: now}
	}
	if done != c.done || c.at.IsZero() {
		if done != c.done && !c.going { // what the first piece took has what came before all of them in it, a boot for example
			c.going, c.first, c.since = true, done, now
		}
		c.done, c.at = done, now
	}
	p.counting = true
	p.say(fmt.Sprintf("[%d/%d] %s", min(at, of), of, what))
}

// say shows a line; the caller holds the lock.
func (p *progress) say(line string) {
	if line = strings.TrimRight(strings.ReplaceAll(line, "\r", ""), "\n"); line == p.line {
		return
	}
	p.line = line
	if !p.live() {
		fmt.Fprintf(p.w, "%s %s%s\n", clock(p.now().Sub(p.start)), line, p.left())
		return
	}
	p.draw()
	if p.tick != nil {
		return
	}
	tick := make(chan struct{})
	p.tick = tick
	go func() {
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				p.mu.Lock()
				if p.tick == tick {
					p.draw()
				}
				p.mu.Unlock()
			case <-tick:
				return
			}
		}
	}()
}

// draw rewrites the line; the caller holds the lock. The last column stays free: a terminal would go on in the next line.
func (p *progress) draw() {
	left := p.left()
	text := clock(p.now().Sub(p.start)) + " " + visible(p.line)
	if room := p.width() - 1 - len(left); room >= 20 {
		text = cut(text, room) + left
	} else {
		text = cut(text, p.width()-1)
	}
	fmt.Fprintf(p.w, "\r%s\x1b[K", text)
}

// steady is how long and over how many pieces a rate is measured before it is believed.
const (
	steadyTime   = 5 * time.Second
	steadyPieces = 2
)

// rate is the time that a piece takes; ok is false as long as that would be nonsense. The caller holds the lock.
func (p *progress) rate() (piece time.Duration, ok bool) {
	c := &p.count
	n, took := c.done-c.first, c.at.Sub(c.since)
	if n < steadyPieces || took < steadyTime {
		return 0, false
	}
	return took / time.Duration(n), true
}

// left says when it will be over, if that can be told.
func (p *progress) left() string {
	piece, ok := p.rate()
	if !ok || !p.counting || p.count.done >= p.count.of {
		return ""
	}
	to := piece*time.Duration(p.count.of-p.count.done) - p.now().Sub(p.count.at)
	if to <= 0 {
		return ""
	}
	return fmt.Sprintf(", %s left", clock(to))
}

// perHour is the rate in pieces an hour, in words, "" as long as it would be nonsense.
func (p *progress) perHour(of string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	piece, ok := p.rate()
	if !ok {
		return ""
	}
	return fmt.Sprintf(", %.0f %s/h", float64(time.Hour)/float64(piece), of)
}

// Write lets packages that print plain lines of progress do so.
func (p *progress) Write(b []byte) (int, error) {
	p.step("%s", b)
	return len(b), nil
}

// end leaves the terminal's cursor on a fresh line. More steps may follow.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tick != nil {
		close(p.tick)
		p.tick = nil
		fmt.Fprint(p.w, "\r\x1b[K")
	}
	p.line, p.count = "", count{}
}

// clock is a time as m:ss, or h:mm:ss.
func clock(d time.Duration) string {
	s := int(d.Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// cut shortens text to n columns.
func cut(text string, n int) string {
	r := []rune(text)
	switch {
	case n < 1:
		return ""
	case len(r) <= n:
		return text
	}
	return string(r[:n-1]) + "~"
}

// visible takes out what would move the cursor.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}
