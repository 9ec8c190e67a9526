// SPDX-License-Identifier: Apache-2.0

package align

import (
	"bytes"
	"slices"

	"lastpage/capture/ring"
)

// prefixLen is the length of the prefix at the start of b, 0 if b does not
// start with a whole one of this format. Forms (info_print_prefix in
// kernel/printk/printk.c): "<6>", "[    1.234567]", "[    T1]", then a blank
// if there is a time or a caller.
func prefixLen(b []byte, opts ring.ConsoleOpts) int {
	n, _ := parsePrefix(b, opts)
	return n
}

// parsePrefix also gives the time in ns, -1 without one.
func parsePrefix(b []byte, opts ring.ConsoleOpts) (n int, ns int64) {
	ns = -1
	if opts.Syslog {
		k := digits(b, 1, 4)
		if k == 0 || at(b, 0) != '<' || at(b, 1+k) != '>' {
			return 0, -1
		}
		n = k + 2
	}
	if opts.Time {
		k, t := parseTime(b[n:])
		if k == 0 {
			return 0, -1
		}
		n, ns = n+k, t
	}
	if opts.Caller {
		k := parseCaller(b[n:])
		if k == 0 {
			return 0, -1
		}
		n += k
	}
	if opts.Time || opts.Caller {
		if at(b, n) != ' ' {
			return 0, -1
		}
		n++
	}
	return n, ns
}

// parseTime reads "[%5lu.%06lu]".
func parseTime(b []byte) (n int, ns int64) {
	if at(b, 0) != '[' {
		return 0, -1
	}
	i := 1
	for i < 5 && at(b, i) == ' ' {
		i++
	}
	k := digits(b, i, 10)
	if k == 0 || i-1+k < 5 || at(b, i+k) != '.' || digits(b, i+k+1, 7) != 6 || at(b, i+k+7) != ']' {
		return 0, -1
	}
	return i + k + 8, number(b[i:i+k])*1e9 + number(b[i+k+1:i+k+7])*1e3
}

// parseCaller reads "[%6s]" of "T<pid>" or "C<cpu>".
func parseCaller(b []byte) int {
	if at(b, 0) != '[' {
		return 0
	}
	i := 1
	for i < 6 && at(b, i) == ' ' {
		i++
	}
	if c := at(b, i); c != 'T' && c != 'C' {
		return 0
	}
	k := digits(b, i+1, 10)
	if k == 0 || i+k < 6 || at(b, i+1+k) != ']' {
		return 0
	}
	return i + k + 2
}

func at(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}

// digits counts the decimal digits at i, at most limit.
func digits(b []byte, i, limit int) int {
	n := 0
	for n < limit && at(b, i+n) >= '0' && at(b, i+n) <= '9' {
		n++
	}
	return n
}

func number(b []byte) (v int64) {
	for _, c := range b {
		v = v*10 + int64(c-'0')
	}
	return v
}

// What the console code prints on its own account: console_prepend_dropped()
// and console_prepend_replay() in kernel/printk/printk.c. It has no prefix.
const (
	replayText    = "** replaying previous printk message **"
	droppedMiddle = " printk messages dropped **"
)

// meta is one such text at the start of a stretch.
type meta struct {
	n     int // bytes, line end included if it is there
	note  Note
	count uint64 // of NoteDropped
	whole bool   // false: a prefix of at least 3 bytes, then something else
}

// parseMeta reads a note at the start of b; n is 0 if there is none.
func parseMeta(b []byte) meta {
	if !bytes.HasPrefix(b, []byte("** ")) {
		return meta{}
	}
	if k := commonPrefix(b, []byte(replayText)); k > 3 {
		return closeMeta(b, meta{n: k, note: NoteReplay, whole: k == len(replayText)})
	}
	k := digits(b, 3, 20)
	if k == 0 {
		return meta{n: 3}
	}
	tail := commonPrefix(b[3+k:], []byte(droppedMiddle))
	m := meta{n: 3 + k + tail, note: NoteDropped, whole: tail == len(droppedMiddle)}
	for _, c := range b[3 : 3+k] {
		m.count = m.count*10 + uint64(c-'0')
	}
	return closeMeta(b, m)
}

func closeMeta(b []byte, m meta) meta {
	if m.whole {
		m.n += lineEnd(b[m.n:])
	}
	return m
}

// lineEnd is the length of "\n" or "\r\n" at the start of b, or 0.
func lineEnd(b []byte) int {
	switch {
	case at(b, 0) == '\n' && len(b) > 0:
		return 1
	case at(b, 0) == '\r' && at(b, 1) == '\n':
		return 2
	}
	return 0
}

// AnyPrefix is the length of the longest prefix that any format puts in front
// of a record's text, 0 if b starts with none. timed says that a time is in it,
// ns is that, -1 without one.
func AnyPrefix(b []byte) (n int, timed bool, ns int64) {
	ns = -1
	if len(b) == 0 || b[0] != '[' && b[0] != '<' {
		return 0, false, -1
	}
	for _, o := range anyFormat {
		if k, t := parsePrefix(b, o); k > n {
			n, timed, ns = k, o.Time, t
		}
	}
	return n, timed, ns
}

// Stamp reads a time as printk prints it, "[    1.234567]": its length, 0 if
// there is none, and ns.
func Stamp(b []byte) (n int, ns int64) { return parseTime(b) }

// anyFormat is all prefixes, each once.
var anyFormat = slices.DeleteFunc(formats(), func(o ring.ConsoleOpts) bool { return o.CRLF })
