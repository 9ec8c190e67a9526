// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastpage/capture/ring"
)

// line is a shot with the given lines, each at frame ns a byte and with a pause of a second behind it.
func line(frame int64, lines ...string) *shot {
	s := &shot{Audit: map[string]int64{}}
	now := int64(0)
	for _, l := range lines {
		for _, b := range []byte(l) {
			now += frame
			s.Wire, s.Ends = append(s.Wire, b), append(s.Ends, now)
		}
		now += 1e9
	}
	return s
}

func backlogLine(n int) string {
	return fmt.Sprintf("[   12.345678] lastpage %s b 0 %d 80 xxxxxxxxxxxxxxxx 01234567\r\n", runID, n)
}

func TestRate(t *testing.T) {
	set := setting{115200, 'n', 8, 4, 2}
	for _, c := range []struct {
		name  string
		frame int64
		lines []string
		void  []string
		want  Verdict
	}{
		{"nominal", 86806, []string{backlogLine(0), backlogLine(1)}, nil, Pass},
		{"other lines are not looked at", 86806, []string{"x\r\n", backlogLine(0), "y\r\n", backlogLine(1), "unfinished"}, nil, Pass},
		{"0.02 % too slow", 86823, []string{backlogLine(0), backlogLine(1)}, nil, Fail},
		{"0.02 % too fast", 86788, []string{backlogLine(0), backlogLine(1)}, nil, Fail},
		{"a record is missing", 86806, []string{backlogLine(0)}, nil, Fail},
		{"nothing", 86806, nil, nil, Fail},
		{"void", 86806, []string{backlogLine(0), backlogLine(1)}, []string{"a reason"}, Fail},
	} {
		s := line(c.frame, c.lines...)
		s.Void = c.void
		if f := s.rate(set); f.Verdict != c.want {
			t.Errorf("%s: %s (%s), want %s", c.name, f.Verdict, f.Got, c.want)
		}
	}
}

func TestFrameBits(t *testing.T) {
	for _, c := range []struct {
		s       setting
		bits    int
		console string
	}{
		{setting{baud: 115200, parity: 'n', bits: 8}, 10, "115200"},
		{setting{baud: 9600, parity: 'e', bits: 7}, 10, "9600e7"},
		{setting{baud: 9600, parity: 'o', bits: 8}, 11, "9600o8"},
		{setting{baud: 3000000, parity: 'n', bits: 8}, 10, "115200"},
	} {
		if got := c.s.frameBits(); got != c.bits {
			t.Errorf("%s: %d bits, want %d", c.s, got, c.bits)
		}
		if got := consoleFormat(c.s.baud, c.s.parity, c.s.bits); got != c.console {
			t.Errorf("%s: console=ttyS0,%s, want %s", c.s, got, c.console)
		}
	}
}

func TestAgree(t *testing.T) {
	var s shot
	s.Ring = &ring.Log{}
	for i := range 20 {
		r := ring.Record{Seq: uint64(i), TsNsec: uint64(i) * 1e9, Level: 6, State: ring.Finalized, Data: ring.DataText, Text: fmt.Appendf(nil, "record %d", i)}
		s.Ring.Records = append(s.Ring.Records, r)
		s.Wire = append(s.Wire, ring.ConsoleText(&r, ring.ConsoleOpts{Time: true, CRLF: true})...)
	}
	a, err := s.agree(7)
	if err != nil || !a.whole() || a.Records != 20 {
		t.Errorf("whole wire: %s, %v", a, err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"a byte is missing":  func(w []byte) []byte { return append(bytes.Clone(w[:100]), w[101:]...) },
		"a byte is changed":  func(w []byte) []byte { w = bytes.Clone(w); w[100] ^= 1; return w },
		"the end is missing": func(w []byte) []byte { return w[:len(w)-1] },
		"nothing came":       func([]byte) []byte { return nil },
		"a record too many": func(w []byte) []byte {
			return append(bytes.Clone(w), "[  100.000000] a stranger\r\n"...)
		},
	} {
		d := s
		d.Wire = damage(s.Wire)
		if a, err := d.agree(7); err != nil || a.whole() {
			t.Errorf("%s: counts as whole (%s, %v)", name, a, err)
		}
	}
	if _, err := (&shot{RingNo: "why"}).agree(7); err == nil || !strings.Contains(err.Error(), "why") {
		t.Errorf("no ring: %v", err)
	}
}

func TestDiffer(t *testing.T) {
	a := line(100, "abcdef")
	for _, c := range []struct {
		b    *shot
		want int
	}{{line(100, "abcdef"), -1}, {line(100, "abcxef"), 3}, {line(101, "abcdef"), 0}, {line(100, "abcde"), 5}, {line(100, "abcdefg"), 6}} {
		if got := differ(a, c.b); got != c.want {
			t.Errorf("%q: differs at %d, want %d", c.b.Wire, got, c.want)
		}
		if (a.sum() == c.b.sum()) != (c.want < 0) {
			t.Errorf("%q: digests and comparison disagree", c.b.Wire)
		}
	}
}

func TestWarnLines(t *testing.T) {
	wire := "before\r\n" + "------------[ cut here ]------------\r\nWARNING: here\r\n" + backlogLine(3) + "RIP\r\n---[ end trace 0 ]---\r\nafter\r\n"
	if got := warnLines([]byte(wire)); got != 4 {
		t.Errorf("%d lines, want 4", got)
	}
	if got := warnLines([]byte("[ cut here ]\r\nWARNING\r\nKernel panic - not syncing\r\nmore\r\n")); got != 2 {
		t.Errorf("interrupted: %d lines, want 2", got)
	}
	if got := warnLines([]byte("[ cut here ]\r\nWARN")); got != 1 {
		t.Errorf("torn: %d lines, want 1", got)
	}
}

func TestEach(t *testing.T) {
	var mu sync.Mutex
	seen := map[int]int{}
	if err := each(t.Context(), 50, 4, func(_ context.Context, i int) error {
		mu.Lock()
		defer mu.Unlock()
		seen[i]++
		return nil
	}); err != nil || len(seen) != 50 {
		t.Errorf("%d of 50 seen, %v", len(seen), err)
	}
	bad := errors.New("bad")
	if err := each(t.Context(), 50, 4, func(_ context.Context, i int) error {
		if i == 7 {
			return bad
		}
		return nil
	}); !errors.Is(err, bad) {
		t.Errorf("error of one call: %v", err)
	}
}

// TestPace: the reader never takes more than its rate allows, whatever waits.
func TestPace(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[1])
	w := os.NewFile(uintptr(pair[0]), "w")
	defer w.Close()
	sent := bytes.Repeat([]byte("0123456789"), 200)
	go func() { _, _ = w.Write(sent) }()
	over := make(chan struct{})
	close(over)
	start := time.Now()
	got, _, err := pace(t.Context(), pair[1], 4000, over)
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d of %d bytes, %v", len(got), len(sent), err)
	}
	if least := time.Duration(float64(len(sent)-16)/4000*1e9) + 2*time.Second; time.Since(start) < least {
		t.Errorf("took %v, at its rate it must take %v", time.Since(start), least)
	}
}

func TestUnknownPart(t *testing.T) {
	_, err := Run(t.Context(), nil, Options{Only: []string{"rate", "nonsense"}})
	if err == nil || !strings.Contains(err.Error(), "nonsense") || !strings.Contains(err.Error(), "uboot") {
		t.Errorf("%v", err)
	}
}

func TestReportText(t *testing.T) {
	r := &Report{Facts: []Fact{judge("p", "holds", true, "want", "got %d", 1), judge("p", "does not", false, "want", "got"), unknown("p", "x", errors.New("why"))}}
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"pass", "fail", "unknown", "got 1", "why", "1 passed, 1 failed, 1 could not be tried"} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("no %q in\n%s", part, b.String())
		}
	}
	if r.Count(Pass) != 1 {
		t.Error("count")
	}
}

// Two trials that were stopped at one moment, with and without the frame that was under way then, are equal; one byte more before is not.
func TestStoppedInTheMiddle(t *testing.T) {
	const ms = int64(time.Millisecond)
	stopped := func(text string, ends ...int64) *shot {
		s := &shot{Wire: []byte(text), Ends: ends, Late: 10 * ms}
		s.cut()
		return s
	}
	a := stopped("abc", 1*ms, 2*ms, 10*ms-1)
	for text, want := range map[string]int{"ab": -1, "abd": -1, "ax": 1} {
		if got := differ(a, stopped(text, []int64{1 * ms, 2 * ms, 10 * ms}[:len(text)]...)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	if got := differ(a, stopped("abcd", 1*ms, 2*ms, 3*ms, 10*ms)); got != 2 {
		t.Errorf("one byte more: %d", got)
	}
	whole := &shot{Wire: []byte("abc"), Ends: []int64{1, 2, 3}}
	if whole.cut(); len(whole.Wire) != 3 {
		t.Error("one that came to its end was cut")
	}
}
