// SPDX-License-Identifier: Apache-2.0

package foreign

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"lastpage/capture/ring"
	"lastpage/harness/align"
)

// Bounds of the search for what a logger put around lines.
const (
	maxFrame  = 160  // bytes before a line
	maxSuffix = 4    // bytes after it
	sample    = 4000 // lines that are looked at
	maxShapes = 8
)

// frame finds what stands in one constant shape before and after the kernel's lines, and takes it off all lines.
//
// Where a kernel's line begins is told by the dump: the rest of the line is a record's text. Without a dump it is told by the kernel's own
// time. A shape is the string with each row of digits, letters or blanks made one.
func (x *Exam) frame(known map[string]bool) {
	shapes, examples, suffixes, lines := map[string]int{}, map[string][]byte{}, map[string]int{}, 0
	step := len(x.lines)/sample + 1
	for i := 0; i < len(x.lines); i += step {
		text := x.lines[i].text
		at, after := begin(text, known)
		if at < 0 {
			continue
		}
		lines++
		s := shape(text[:at])
		shapes[s]++
		if examples[s] == nil {
			examples[s] = text[:at]
		}
		suffixes[string(text[len(text)-after:])]++
	}
	if lines == 0 {
		return
	}
	x.suffix(suffixes, lines)
	framed := lines - shapes[""]
	if framed*2 < lines || framed < 2 {
		return
	}
	delete(shapes, "")
	var forms []string
	for s, n := range shapes {
		if n*50 >= lines {
			forms = append(forms, s)
		}
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	forms = forms[:min(len(forms), maxShapes)]
	if len(forms) == 0 {
		return
	}
	re, err := regexp.Compile("^(?:" + strings.Join(forms, "|") + ")")
	if err != nil {
		return
	}
	taken := 0
	for i := range x.lines {
		l := &x.lines[i]
		if m := re.Find(l.text); len(m) > 0 {
			l.text = l.text[len(m):]
			taken++
		}
	}
	most := forms[0]
	for _, f := range forms {
		if shapes[f] > shapes[most] {
			most = f
		}
	}
	x.undone("a logger put words of one shape before %d lines, such as %q", taken, examples[most])
}

// suffix takes off what most lines have after them.
func (x *Exam) suffix(suffixes map[string]int, lines int) {
	for s, n := range suffixes {
		if s == "" || n*10 < lines*9 {
			continue
		}
		taken := 0
		for i := range x.lines {
			if l := &x.lines[i]; bytes.HasSuffix(l.text, []byte(s)) {
				l.text = l.text[:len(l.text)-len(s)]
				taken++
			}
		}
		x.undone("a logger put %q after %d lines", s, taken)
	}
}

// begin is where the kernel's part of a line begins, and how many bytes follow it; at is -1 if the line is not known to be the kernel's.
func begin(text []byte, known map[string]bool) (at, after int) {
	if len(text) > maxFrame+ring.ConsoleBuffer {
		return -1, 0 // longer than a record can be
	}
	if len(known) == 0 {
		for i := 0; i < len(text) && i <= maxFrame; i++ {
			if text[i] != '[' && text[i] != '<' {
				continue
			}
			if n, timed, _ := align.AnyPrefix(text[i:]); n > 0 && timed {
				return i, 0
			}
		}
		return -1, 0
	}
	if n, _, _ := align.AnyPrefix(text); len(text)-n >= minText && known[string(text[n:])] {
		return 0, 0
	}
	for i := 0; i <= maxFrame && len(text)-i >= minText; i++ {
		for after := range maxSuffix + 1 {
			if len(text)-after-i < minText {
				break
			}
			if known[string(text[i:len(text)-after])] {
				return prefixed(text, i), after
			}
		}
	}
	return -1, 0
}

// prefixed is where the kernel's own prefix begins that ends at the record's text.
func prefixed(text []byte, at int) int {
	for s := max(0, at-60); s < at; s++ {
		if n, _, _ := align.AnyPrefix(text[s:]); n == at-s {
			return s
		}
		// A time, and what a vendor's kernel says after it.
		if n, _ := align.Stamp(text[s:]); n > 0 && afterTime.Match(text[s+n:at]) {
			return s
		}
	}
	return at
}

var afterTime = regexp.MustCompile(`^(\[[^\]]{1,48}\])+ $`)

var shapeParts = regexp.MustCompile(`[0-9]+|[A-Za-z]+| +|[^0-9A-Za-z ]+`)

// shape is a regular expression for strings of one shape.
func shape(b []byte) string {
	if len(b) > maxFrame {
		b = b[:maxFrame]
	}
	return string(shapeParts.ReplaceAllFunc(b, func(p []byte) []byte {
		switch c := p[0]; {
		case c >= '0' && c <= '9':
			return []byte("[0-9]+")
		case c == ' ':
			return []byte(" +")
		case c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z':
			return []byte("[A-Za-z]+")
		}
		return []byte(regexp.QuoteMeta(string(p)))
	}))
}
