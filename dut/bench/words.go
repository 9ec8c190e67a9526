// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"fmt"
	"strings"
)

// strange counts the bytes that no loader's text has.
func strange(said []byte) (n int) {
	for _, c := range said {
		if c >= 0x7f || c < ' ' && bytes.IndexByte([]byte("\a\b\t\n\r\x1b\x03"), c) < 0 {
			n++
		}
	}
	return n
}

// reason is the line of an answer that tells of an error.
func reason(answer []byte) string {
	for l := range strings.Lines(string(answer)) {
		if low := strings.ToLower(l); strings.Contains(low, "error") || strings.Contains(low, "no ethernet") || strings.Contains(low, "count exceeded") {
			return strings.TrimSpace(l)
		}
	}
	return fmt.Sprintf("%.200q", bytes.TrimSpace(answer))
}

// lineShown bytes of a last line are told: those at its end.
const lineShown = 200

// lastLine is the last line that is not empty, but for a prompt that nobody answered.
func lastLine(said []byte) string {
	said = bytes.TrimRight(said, "\r\n ")
	said = said[bytes.LastIndexByte(said, '\n')+1:]
	return strings.ToValidUTF8(string(said[max(0, len(said)-lineShown):]), "?")
}

// pieces cuts text between words into pieces of at most n bytes, or of one word.
func pieces(text string, n int) []string {
	out := []string{}
	for _, w := range strings.Fields(text) {
		if k := len(out); k > 0 && len(out[k-1])+1+len(w) <= n {
			out[k-1] += " " + w
		} else {
			out = append(out, w)
		}
	}
	return out
}

// escape puts a backslash before what U-Boot's shell would take for its own.
func escape(words string) string {
	var b strings.Builder
	for _, c := range []byte(words) {
		if strings.IndexByte(`\$;&|"'<>(){}#*?`, c) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}
