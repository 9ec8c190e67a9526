// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"regexp"
)

// What journalctl and syslog daemons put before a text, and what they do to it.

// isRemark recognises what journalctl says itself: "-- Boot 0123... --".
func isRemark(l []byte) bool {
	return bytes.HasPrefix(l, []byte("-- ")) && bytes.HasSuffix(l, []byte(" --"))
}

var kernelTag = []byte(" kernel: ")

// withoutSyslog takes off "Nov 26 02:51:42 host kernel: ", and what rsyslog writes for control characters ("#012" for a newline).
func withoutSyslog(lines [][]byte) [][]byte {
	out := make([][]byte, 0, len(lines))
	for _, l := range lines {
		i := bytes.Index(l[:min(len(l), 200)], kernelTag)
		if i < 0 || !isWallClock(l) {
			continue // another sender's: the kernel's lines all have their prefix
		}
		out = append(out, octal.ReplaceAllFunc(l[i+len(kernelTag):], func(e []byte) []byte {
			return []byte{(e[1]-'0')<<6 | (e[2]-'0')<<3 | e[3] - '0'}
		}))
	}
	return out
}

var octal = regexp.MustCompile(`#0[0-3][0-7]`)

// sender splits "host kernel: text" and "host systemd[1]: text".
var sender = regexp.MustCompile(`^([^ \[\]:]+) ([^ ]+): `)

// findJournal decides whether the text comes from journalctl: one host in front of most texts, and most are the kernel's.
func (p *listing) findJournal() {
	if !p.timed || p.prio || p.syslog {
		return
	}
	host, kernel := []byte(nil), 0
	ends := make([]int, len(p.lines))
	for i, f := range p.prefixes {
		if f.width == 0 {
			continue
		}
		m := sender.FindSubmatchIndex(p.lines[i][f.width:])
		if m == nil {
			continue
		}
		text := p.lines[i][f.width:]
		if host == nil {
			host = text[:m[3]]
		}
		if !bytes.Equal(host, text[:m[3]]) {
			continue
		}
		ends[i] = m[3] + 1
		if string(text[m[4]:m[5]]) == "kernel" {
			ends[i] = m[1]
			kernel++
		}
	}
	if kernel*2 <= p.records {
		return
	}
	p.journal, p.escaped = true, false
	for i := range p.prefixes {
		switch f := &p.prefixes[i]; {
		case f.width == 0:
		case ends[i] == 0:
			*f = prefix{} // the rest of a text
		default:
			f.width += ends[i]
		}
	}
}

// findCallers: util-linux prints a space between time and caller, which a text may begin with as well. So all must have it.
func (p *listing) findCallers() {
	if p.called || !p.timed || p.journal {
		return
	}
	found := make([]prefix, len(p.prefixes))
	for i, f := range p.prefixes {
		if f.width == 0 {
			continue
		}
		rest, caller, ok := parseCaller(p.lines[i][f.width:])
		if !ok || len(rest) > 0 && rest[0] != ' ' {
			return
		}
		f.called, f.caller = true, caller
		f.width = len(p.lines[i]) - len(bytes.TrimPrefix(rest, []byte{' '}))
		found[i] = f
	}
	p.prefixes, p.called = found, true
}

// blob is what journalctl prints for a text with control characters.
var blob = regexp.MustCompile(`^\[[0-9.]+[KM]?B? blob data\]$`)
