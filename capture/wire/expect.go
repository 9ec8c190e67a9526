// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// maxLine bounds what a regexp sees: a longer line is cut there, as if it had
// ended. printk's longest line is 1 KiB (LOG_LINE_MAX) and its prefix.
const maxLine = 8 << 10

// PanicText is printed first of all by panic() (kernel/panic.c); every wait
// watches for it.
const PanicText = "Kernel panic - not syncing"

// Pattern is one thing to wait for.
type Pattern struct {
	Name string
	// Panic: this pattern waits for a panic, so that one is no error.
	// Literal and Regexp set it when the text has "Kernel panic" in it.
	Panic bool

	lit []byte
	re  *regexp.Regexp
}

// Literal matches these bytes anywhere, across line ends too.
func Literal(s string) Pattern {
	return Pattern{Name: s, lit: []byte(s), Panic: strings.Contains(s, "Kernel panic")}
}

// Regexp matches inside one whole line, line end included (cut at 8 KiB). A
// line that has not ended yet does not match, because more of it could still
// change what matches.
func Regexp(re *regexp.Regexp) Pattern {
	return Pattern{Name: re.String(), re: re, Panic: strings.Contains(re.String(), "Kernel panic")}
}

// Match says which pattern was found, and where.
type Match struct {
	Index      int   // in the list given to Expect; -1 for a panic
	Start, End int64 // offsets of the first byte and after the last
	NS         int64 // time of the last byte, when HasTime
	HasTime    bool
	Text       []byte
	Groups     [][]byte // submatches of a regexp; nil where one did not take part
}

// PanicError: the kernel panicked during a wait for something else. The log
// goes on; whoever wants the rest drains it until the line is silent.
type PanicError struct {
	Match        // where the panic text is
	Line  string // its line, as far as it was out
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("kernel panic at byte %d of the wire: %q", e.Start, e.Line)
}

// Expect waits until one of the patterns is found in the bytes from offset
// `from` on; bytes before it can never match. When several would match, the
// one whose last needed byte came first wins (then the order of the list), no
// matter in which portions the bytes arrived. A panic that came before it and
// was not waited for is a *PanicError. The deadline is ctx's.
func Expect(ctx context.Context, l *Log, from int64, patterns ...Pattern) (Match, error) {
	s := newScan(patterns, from)
	for {
		n, closed, cause, grown := l.state()
		lo := s.low()
		data, err := l.held(lo, n)
		if err != nil {
			return Match{}, fmt.Errorf("expect %s from byte %d of the wire: %w", names(patterns), from, err)
		}
		if m, ok := s.feed(data, lo, closed); ok {
			m.NS, m.HasTime = l.TimeAt(m.End - 1)
			if m.Index < 0 {
				return Match{}, &PanicError{Match: m, Line: s.line(l, m.Start)}
			}
			return m, nil
		}
		if closed {
			return Match{}, fmt.Errorf("expect %s from byte %d of the wire, have %d: %w", names(patterns), from, n, closeErr(cause))
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return Match{}, fmt.Errorf("expect %s from byte %d of the wire, have %d: %w", names(patterns), from, n, context.Cause(ctx))
		}
	}
}

// IsPanic reports whether err says that the kernel panicked during a wait.
func IsPanic(err error) bool {
	var p *PanicError
	return errors.As(err, &p)
}

func names(ps []Pattern) string {
	q := make([]string, len(ps))
	for i, p := range ps {
		q[i] = fmt.Sprintf("%q", p.Name)
	}
	return strings.Join(q, " or ")
}

// scan keeps how far each kind of pattern has been looked for, so that every
// byte is looked at a bounded number of times.
type scan struct {
	pats    []Pattern
	lits    []int // indexes of literals; -1 is the panic text
	longest int
	from    int64
	done    int64 // literals: every match that ends at or before done is known not to exist
	lineAt  int64 // regexps: start of the first line not yet tried
	res     bool
}

func newScan(pats []Pattern, from int64) *scan {
	s := &scan{pats: pats, from: from, done: from, lineAt: from}
	watch := true
	for i, p := range pats {
		if p.re != nil {
			s.res = true
		} else {
			s.lits = append(s.lits, i)
			s.longest = max(s.longest, len(p.lit))
		}
		watch = watch && !p.Panic
	}
	if watch {
		s.lits = append(s.lits, -1)
		s.longest = max(s.longest, len(PanicText))
	}
	return s
}

func (s *scan) lit(i int) []byte {
	if i < 0 {
		return []byte(PanicText)
	}
	return s.pats[i].lit
}

// low is the oldest offset that is still needed.
func (s *scan) low() int64 {
	lo := max(s.from, s.done-int64(s.longest))
	if s.res {
		lo = min(lo, s.lineAt)
	}
	return lo
}

// feed looks at data, all that the log has from offset lo = low() on. Each
// candidate is ordered by the byte that completed it, so that no byte still to
// come could change which one is first.
func (s *scan) feed(data []byte, lo int64, closed bool) (Match, bool) {
	n := lo + int64(len(data))
	best, bestAt, found := Match{}, int64(0), false
	take := func(m Match, at int64) {
		if !found || at < bestAt || at == bestAt && before(m.Index, best.Index) {
			best, bestAt, found = m, at, true
		}
	}
	for _, i := range s.lits {
		p := s.lit(i)
		w := max(s.from, s.done-int64(len(p))+1) - lo
		if w > int64(len(data)) {
			continue
		}
		if k := bytes.Index(data[w:], p); k >= 0 {
			at := lo + w + int64(k)
			take(Match{Index: i, Start: at, End: at + int64(len(p)), Text: p}, at+int64(len(p)))
		}
	}
	s.done = n
	if s.res {
		s.feedLines(data, lo, closed, take)
	}
	best.Text = append([]byte(nil), best.Text...)
	return best, found
}

func before(a, b int) bool { return uint(a) < uint(b) } // a panic (-1) comes last

func (s *scan) feedLines(data []byte, lo int64, closed bool, take func(Match, int64)) {
	for {
		rest := data[s.lineAt-lo:]
		end := bytes.IndexByte(rest[:min(len(rest), maxLine)], '\n') + 1
		if end == 0 {
			if len(rest) < maxLine && !(closed && len(rest) > 0) {
				return
			}
			end = min(len(rest), maxLine)
		}
		line := rest[:end]
		for i, p := range s.pats {
			if p.re == nil {
				continue
			}
			if g := p.re.FindSubmatchIndex(line); g != nil {
				take(match(i, s.lineAt, line, g), s.lineAt+int64(end))
			}
		}
		s.lineAt += int64(end)
	}
}

func match(i int, off int64, line []byte, g []int) Match {
	m := Match{Index: i, Start: off + int64(g[0]), End: off + int64(g[1]), Text: line[g[0]:g[1]]}
	for k := 2; k < len(g); k += 2 {
		var sub []byte
		if g[k] >= 0 {
			sub = append([]byte{}, line[g[k]:g[k+1]]...)
		}
		m.Groups = append(m.Groups, sub)
	}
	return m
}

// line is the rest of the line at off, as far as it is there.
func (s *scan) line(l *Log, off int64) string {
	b := l.Bytes(off, off+maxLine)
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[:i]
	}
	return strings.TrimSuffix(string(b), "\r")
}
