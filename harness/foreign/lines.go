// SPDX-License-Identifier: Apache-2.0

package foreign

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// notText says of a file that it cannot be a console's log at all.
func (x *Exam) notText(wire []byte) bool {
	if len(wire) == 0 {
		x.void("the capture has no byte: nothing is known of the kernel")
		return true
	}
	for _, k := range []struct{ magic, what string }{
		{"\x1f\x8b", "gzip"}, {"\xfd7zXZ", "xz"}, {"\x28\xb5\x2f\xfd", "zstd"}, {"BZh", "bzip2"}, {"PK\x03\x04", "zip"},
		{"\x7fELF", "ELF"}, {"KDUMP   ", "kdump"}, {"makedumpfile", "flattened kdump"},
	} {
		if bytes.HasPrefix(wire, []byte(k.magic)) {
			x.void("the capture is a file in %s format, not a console's log: unpack it, or give the capture itself", k.what)
			return true
		}
	}
	return false
}

// controls are the sequences with which terminals are moved and coloured (ECMA-48 CSI).
var controls = regexp.MustCompile("\x1b\\[[0-9;?]*[@-~]")

// split cuts the file into lines, takes note of their ends, and takes out what a terminal would not show.
func (x *Exam) split(wire []byte) {
	ends := map[string]int{}
	sep := byte('\n')
	if bytes.IndexByte(wire, '\n') < 0 && bytes.IndexByte(wire, '\r') >= 0 {
		sep = '\r'
	}
	nuls, coloured, junk := 0, 0, 0
	x.lines = make([]line, 0, bytes.Count(wire, []byte{sep})+1)
	for p := 0; p < len(wire); {
		k := bytes.IndexByte(wire[p:], sep)
		l := line{start: int64(p), ended: k >= 0}
		q := len(wire)
		if k >= 0 {
			q = p + k + 1
		}
		l.end = int64(q)
		body := wire[p:q]
		if l.ended {
			body = body[:len(body)-1]
			n := len(body) - len(bytes.TrimRight(body, "\r"))
			body = body[:len(body)-n]
			lead := len(body) - len(bytes.TrimLeft(body, "\r"))
			body = body[lead:]
			end := strings.Repeat("CR ", n) + "LF"
			switch {
			case sep == '\r':
				end = "CR"
			case lead > 0 && n == 0 && p > 0:
				end = "LF CR"
			}
			ends[end]++
		}
		if n := bytes.Count(body, []byte{0}); n > 0 {
			nuls += n
			body = bytes.ReplaceAll(body, []byte{0}, nil)
		}
		if bytes.IndexByte(body, 0x1b) >= 0 {
			if clean := controls.ReplaceAll(body, nil); len(clean) < len(body) {
				coloured++
				body = clean
			}
		}
		if !utf8.Valid(body) {
			junk++
		}
		l.text = body
		x.lines = append(x.lines, l)
		p = q
	}
	x.LineEnds = lineEnds(ends)
	switch {
	case strings.HasPrefix(x.LineEnds, "mixed"), x.LineEnds == "CR LF", x.LineEnds == "":
	case x.LineEnds == "LF":
		x.undone("the logger took the CR of each line end (a UART sends CR LF)")
	case x.LineEnds == "CR CR LF":
		x.undone("a terminal or telnet layer added a CR to each line end")
	default:
		x.undone("line ends are %s in place of CR LF", x.LineEnds)
	}
	if nuls > 0 {
		x.undone("%d NUL bytes are left out", nuls)
	}
	if coloured > 0 {
		x.undone("control sequences of a terminal are left out of %d lines", coloured)
	}
	if n := len(x.lines); n > 0 && junk*2 > n {
		x.note("%d of %d lines hold bytes that are no text: noise, or a wrong rate", junk, n)
	}
	x.Broken = len(x.lines) > 0 && !x.lines[len(x.lines)-1].ended
}

// lineEnds names the line ends: one if nearly all lines have it.
func lineEnds(ends map[string]int) string {
	most, all := "", 0
	for e, n := range ends {
		all += n
		if n > ends[most] || n == ends[most] && e > most {
			most = e
		}
	}
	if all == 0 || ends[most]*20 >= all*19 {
		return most
	}
	var parts []string
	for _, e := range []string{"CR LF", "LF", "CR CR LF", "LF CR", "CR"} {
		if ends[e] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", ends[e], e))
			all -= ends[e]
		}
	}
	if all > 0 {
		parts = append(parts, fmt.Sprintf("%d others", all))
	}
	return "mixed: " + strings.Join(parts, ", ")
}

func (x *Exam) undone(format string, a ...any) {
	x.Undone = append(x.Undone, fmt.Sprintf(format, a...))
}

func (x *Exam) note(format string, a ...any) { x.Notes = append(x.Notes, fmt.Sprintf(format, a...)) }

func firstLine(b []byte) []byte {
	l, _, _ := bytes.Cut(b, []byte{'\n'})
	return l
}
