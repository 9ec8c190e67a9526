// SPDX-License-Identifier: Apache-2.0

package port

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"lastpage/capture/telnet"
)

// greetingBytes bounds what a server may say for itself as a connection begins.
const greetingBytes = 512

// errTelnet: a raw port does not begin like that.
var errTelnet = errors.New("this port speaks telnet: use telnet:// or rfc2217://")

// refusal is a server that says no: by words, or by closing as soon as it has opened.
type refusal struct{ words string }

func (r *refusal) Error() string { return fmt.Sprintf("the server says %q", r.words) }

// refusing are the words of ser2net (dataxfer.c, netfileops) and of terminal servers like it. They count only where the connection ends with
// them before anything else was said.
var refusing = regexp.MustCompile(`(?i)already in use|(is|are) in use|device (open failure|failed open)|acc?ess(ed)? denied|permission denied|too many (users|connections|sessions)|port (is )?busy|kicked off|not available`)

// banner is the line that ser2net's example configuration prints to a new client.
var banner = regexp.MustCompile(`^[\r\n]*ser2net port [^\r\n]*\r?\n(\r?\n)?`)

// negotiates says whether the first bytes of a connection are telnet's: a verb and an option, which no board sends first.
func negotiates(b []byte) bool {
	return len(b) >= 3 && b[0] == telnet.IAC && b[1] >= telnet.WILL && b[1] <= telnet.DONT
}

// mayNegotiate says that b is too short to tell.
func mayNegotiate(b []byte) bool {
	return len(b) > 0 && len(b) < 3 && b[0] == telnet.IAC && (len(b) == 1 || b[1] >= telnet.WILL && b[1] <= telnet.DONT)
}

// refuses says whether b is all that a server that says no would say.
func refuses(b []byte) bool {
	return len(b) > 0 && len(b) <= greetingBytes && bytes.Count(bytes.TrimSpace(b), []byte("\n")) < 3 && refusing.Match(b)
}

// unbanner takes a server's banner from the beginning of a connection.
func unbanner(b []byte) (words string, rest []byte) {
	n := len(banner.Find(b))
	return strings.TrimSpace(string(b[:n])), b[n:]
}
