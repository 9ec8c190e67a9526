// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
)

func logOf(t *testing.T, s string) *Log {
	t.Helper()
	l := NewLog(Virtual, Frame{Baud: 115200, Bits: 10})
	ends := make([]int64, len(s))
	for i := range ends {
		ends[i] = int64(i+1) * 86805
	}
	if err := l.Append([]byte(s), ends...); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLogTimes(t *testing.T) {
	l := NewLog(Virtual, Frame{Baud: 115200, Bits: 10})
	want := []int64{}
	now := int64(1 << 40)
	for i := range 3 * blockBytes {
		switch i {
		case 100, 5000: // an idle line: the times no longer fit one block
			now += 10e9
		default:
			now += 86805
		}
		want = append(want, now)
		if err := l.Append([]byte{byte(i)}, now); err != nil {
			t.Fatal(err)
		}
	}
	chunk := bytes.Repeat([]byte("c"), 2*blockBytes)
	if err := l.Append(chunk, now+7); err != nil {
		t.Fatal(err)
	}
	for range chunk {
		want = append(want, now+7)
	}
	for i, w := range want {
		if got, ok := l.TimeAt(int64(i)); !ok || got != w {
			t.Fatalf("byte %d ended at %d, want %d", i, got, w)
		}
	}
	if _, ok := l.TimeAt(l.Len()); ok {
		t.Error("a time for a byte that is not there")
	}
	for _, x := range []struct {
		ns   int64
		want int64
	}{{0, 0}, {want[0], 1}, {want[99] + 1, 100}, {want[100], 101}, {now, int64(3 * blockBytes)}, {now + 7, l.Len()}} {
		if got := l.OffsetAt(x.ns); got != x.want {
			t.Errorf("at %d ns %d bytes had ended, want %d", x.ns, got, x.want)
		}
	}
	if got := l.Bytes(blockBytes-3, blockBytes+3); !bytes.Equal(got, []byte{253, 254, 255, 0, 1, 2}) {
		t.Errorf("bytes across a block: %v", got)
	}
	if r, ok := l.Rate(200, 1200); !ok || r < 11519 || r > 11521 {
		t.Errorf("rate %v", r)
	}
	if _, ok := l.Rate(l.Len()-5, l.Len()); ok {
		t.Error("a rate inside one read")
	}
}

func TestLogRefuses(t *testing.T) {
	l := NewLog(Virtual, Frame{})
	if err := l.Append([]byte("ab"), 5, 4); err == nil {
		t.Error("a clock that ran back inside an append")
	}
	if err := l.Append([]byte("abc"), 5, 6); err == nil {
		t.Error("two times for three bytes")
	}
	if err := l.Append([]byte("a")); err == nil {
		t.Error("no time")
	}
	if l.Len() != 0 {
		t.Errorf("a refused append left %d bytes", l.Len())
	}
	if err := l.Append([]byte("a"), 9); err != nil {
		t.Error(err)
	}
	if _, err := l.AddMark(MarkGap, 8, 0); err == nil {
		t.Error("a mark before the last byte")
	}
	if m, err := l.AddMark(MarkGap, 10, 3); err != nil || m.Off != 1 {
		t.Errorf("%+v, %v", m, err)
	}
	l.Close(nil)
	if err := l.Append([]byte("a"), 11); !errors.Is(err, ErrClosed) {
		t.Errorf("append past the end: %v", err)
	}
}

func TestLogKeep(t *testing.T) {
	l := NewLog(Monotonic, Frame{})
	l.SetKeep(3 * blockBytes)
	for i := range 40 {
		if err := l.Append(bytes.Repeat([]byte{byte(i)}, blockBytes/2), int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	if held := l.Len() - l.Start(); held < 3*blockBytes || held > 5*blockBytes {
		t.Errorf("%d bytes held", held)
	}
	if b := l.Bytes(l.Len()-1, l.Len()); len(b) != 1 || b[0] != 39 {
		t.Errorf("last byte %v", b)
	}
	if _, err := Expect(context.Background(), l, 0, Literal("x")); !errors.Is(err, ErrDropped) {
		t.Errorf("expect in bytes let go: %v", err)
	}
}

// One writer, many readers: each sees every byte once, in order.
func TestLogReaders(t *testing.T) {
	l := NewLog(Monotonic, Frame{})
	const n = 1 << 18
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var at int64
			for {
				err := l.Wait(context.Background(), at+1)
				for _, c := range l.Bytes(at, l.Len()) {
					if c != byte(at*7) {
						t.Errorf("byte %d is %d", at, c)
						return
					}
					at++
				}
				if err != nil {
					if at != n || !errors.Is(err, ErrClosed) {
						t.Errorf("ended at %d: %v", at, err)
					}
					return
				}
			}
		})
	}
	buf := make([]byte, 0, 999)
	for i := range n {
		if buf = append(buf, byte(i*7)); len(buf) == cap(buf) || i == n-1 {
			if err := l.Append(buf, int64(i)); err != nil {
				t.Error(err)
			}
			buf = buf[:0]
		}
	}
	l.Close(nil)
	wg.Wait()
}

func TestExpect(t *testing.T) {
	panics := "[ 1.0] Kernel panic - not syncing: test\r\n[ 1.1] more\r\n"
	for _, tt := range []struct {
		name  string
		wire  string
		from  int64
		pats  []Pattern
		index int // -1: panic, -2: closed
		start int64
		text  string
	}{
		{"literal", "one two three", 0, []Pattern{Literal("two")}, 0, 4, "two"},
		{"not before from", "two two", 1, []Pattern{Literal("two")}, 0, 4, "two"},
		{"not astride from", "two", 1, []Pattern{Literal("two")}, -2, 0, ""},
		{"first to be complete", "ab abc", 0, []Pattern{Literal("abc"), Literal("ab ")}, 1, 0, "ab "},
		{"order of the list", "xab", 0, []Pattern{Literal("ab"), Literal("b")}, 0, 1, "ab"},
		{"across lines", "a\r\nb", 0, []Pattern{Literal("\r\nb")}, 0, 1, "\r\nb"},
		{"regexp", "x=1\ny=22\n", 0, []Pattern{Regexp(regexp.MustCompile(`y=(\d+)`))}, 0, 4, "y=22"},
		{"regexp needs the line's end", "y=2", 0, []Pattern{Regexp(regexp.MustCompile(`y=(\d+)`))}, 0, 0, "y=2"},
		{"literal before a regexp's line is over", "y=2 ok\n", 0, []Pattern{Regexp(regexp.MustCompile(`y=`)), Literal("ok")}, 1, 4, "ok"},
		{"panic", "boot\r\n" + panics + "login:", 0, []Pattern{Literal("login:")}, -1, 13, PanicText},
		{"panic after", "login:" + panics, 0, []Pattern{Literal("login:")}, 0, 0, "login:"},
		{"panic wanted", panics, 0, []Pattern{Literal("Kernel panic - not syncing: t")}, 0, 7, "Kernel panic - not syncing: t"},
		{"old panic", panics + "login:", int64(len(panics)), []Pattern{Literal("login:")}, 0, int64(len(panics)), "login:"},
		{"nothing", "boot", 0, []Pattern{Literal("login:")}, -2, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, step := range []int{1, 3, len(tt.wire)} {
				l := NewLog(Virtual, Frame{})
				go func() {
					for i := 0; i < len(tt.wire); i += step {
						part := tt.wire[i:min(i+step, len(tt.wire))]
						if err := l.Append([]byte(part), int64(i)); err != nil {
							t.Error(err)
						}
					}
					l.Close(nil)
				}()
				m, err := Expect(context.Background(), l, tt.from, tt.pats...)
				var p *PanicError
				switch {
				case tt.index == -2:
					if !errors.Is(err, ErrClosed) {
						t.Errorf("step %d: %+v, %v", step, m, err)
					}
					continue
				case tt.index == -1:
					if !errors.As(err, &p) || !IsPanic(err) {
						t.Fatalf("step %d: %+v, %v", step, m, err)
					}
					if !strings.HasPrefix("Kernel panic - not syncing: test", p.Line) {
						t.Errorf("line %q", p.Line)
					}
					m = p.Match
				case err != nil:
					t.Fatalf("step %d: %v", step, err)
				}
				if m.Index != tt.index || m.Start != tt.start || string(m.Text) != tt.text || m.End != m.Start+int64(len(m.Text)) {
					t.Errorf("step %d: %+v %q", step, m, m.Text)
				}
			}
		})
	}
}

func TestExpectDeadline(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("too slow"))
	_, err := Expect(ctx, logOf(t, "abc"), 0, Literal("never"))
	if err == nil || !strings.Contains(err.Error(), "too slow") || !strings.Contains(err.Error(), `"never"`) {
		t.Error(err)
	}
}

func TestConsole(t *testing.T) {
	l := logOf(t, "[    0.1] a\tb\r\n\x1b[31mred\\\xff\r\rx\n\ntorn")
	var b bytes.Buffer
	if err := WriteConsole(&b, l); err != nil {
		t.Fatal(err)
	}
	want := `[    0.1] a\tb
\x1b[31mred\\\xff\r\rx

torn <the wire ends here>
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	b.Reset()
	if err := WriteLines(&b, l); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%8d %16s  torn <the wire ends here>", 30, "0.002690955"); !strings.Contains(b.String(), want) {
		t.Errorf("no %q in\n%s", want, b.String())
	}
}

func FuzzVisible(f *testing.F) {
	f.Add([]byte("a\\\r\n\x00\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v := AppendVisible(nil, b)
		for _, c := range v {
			if c < ' ' || c > '~' {
				t.Fatalf("%q is not visible", v)
			}
		}
		if back, err := ParseVisible(v); err != nil || !bytes.Equal(back, b) {
			t.Fatalf("%q came back as %q: %v", b, back, err)
		}
		_, _ = ParseVisible(b)
	})
}
