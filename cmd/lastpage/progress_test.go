// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// shown is a progress on a terminal of some width, or on none, whose clock is the test's.
func shown(width int) (p *progress, out *bytes.Buffer, pass func(time.Duration)) {
	out = new(bytes.Buffer)
	now := time.Unix(0, 0)
	p = &progress{w: out, now: func() time.Time { return now }, start: now}
	if width > 0 {
		p.width = func() int { return width }
		p.tick = make(chan struct{}) // the test draws
	}
	return p, out, func(d time.Duration) { now = now.Add(d) }
}

func TestProgressKeepsToTheWidth(t *testing.T) {
	for _, width := range []int{1, 10, 40, 80} {
		p, out, pass := shown(width)
		for i := range 5 {
			p.counted(i+1, i, 200, strings.Repeat("ä long name ", 10)+"\x1b[2J")
			pass(4 * time.Second)
		}
		for _, line := range strings.Split(out.String(), "\r")[1:] {
			text, rest, ok := strings.Cut(line, "\x1b[K")
			if !ok || rest != "" || strings.ContainsRune(text, '\x1b') || len([]rune(text)) > width-1 {
				t.Errorf("%d columns: %q", width, line)
			}
		}
	}
}

func TestProgressElsewhere(t *testing.T) {
	p, out, pass := shown(0)
	p.step("one")
	pass(61 * time.Second)
	p.step("two\n")
	p.step("two")
	p.end()
	if got, want := out.String(), "0:00 one\n1:01 two\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// The clock runs though nothing is said, and what is left goes down with it.
func TestProgressClock(t *testing.T) {
	p, out, pass := shown(80)
	last := func() string {
		p.mu.Lock()
		defer p.mu.Unlock()
		out.Reset()
		p.draw()
		return strings.TrimSuffix(strings.TrimPrefix(out.String(), "\r"), "\x1b[K")
	}
	for i, want := range []string{"0:00 [1/10] x", "0:10 [2/10] x", "0:20 [3/10] x", "0:30 [4/10] x, 1:10 left"} {
		p.counted(i+1, i, 10, "x")
		if got := last(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		pass(10 * time.Second)
	}
	for _, want := range []string{"0:40 [4/10] x, 1:00 left", "1:50 [4/10] x"} { // longer than thought: nobody knows
		if got := last(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		pass(70 * time.Second)
	}
	p.counted(5, 4, 10, "x")
	p.step("booting")
	if got := last(); got != "3:00 booting" {
		t.Errorf("of what is not counted: %q", got)
	}
}

// What was done before this session is no rate, and neither is what the first piece took, nor what the first seconds say.
func TestProgressRate(t *testing.T) {
	p, _, pass := shown(0)
	p.counted(500, 500, 1000, "resumed")
	pass(time.Second)
	p.counted(501, 501, 1000, "x")
	if got := p.perHour("trials"); got != "" {
		t.Errorf("after a second: %q", got)
	}
	pass(9 * time.Second)
	p.counted(510, 510, 1000, "x")
	if got := p.perHour("trials"); got != ", 3600 trials/h" {
		t.Errorf("after ten: %q", got)
	}
}
