// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"strconv"
)

// prefix is what a tool prints before a record's text.
type prefix struct {
	prio, timed, called bool // what of the following was there
	facility, level     uint8
	ns                  uint64 // ns since boot, to the microsecond
	caller              uint32
	width               int // bytes up to the text
}

// parsePrefix reads `[    1.234567] `, with `<N>` (dmesg -r, syslog), `kern  :info  : ` (dmesg -x) or nothing in front, a caller or the
// difference to the line before (dmesg -d) after it. ok is false for a line without any.
func parsePrefix(line []byte) (p prefix, ok bool) {
	b := line
	if rest, n, ok := parsePrio(b); ok {
		p.prio, p.facility, p.level, b = true, uint8(n>>3), uint8(n&7), rest
	} else if rest, fac, level, ok := parseDecoded(b); ok {
		p.prio, p.facility, p.level, b = true, fac, level, rest
	}
	if rest, ns, ok := parseTime(b); ok {
		p.timed, p.ns, b = true, ns, rest
		if rest, caller, ok := parseCaller(b); ok {
			p.called, p.caller, b = true, caller, rest
		}
		b = bytes.TrimPrefix(b, []byte{' '})
	} else if p.prio && len(b) > 0 && line[0] == '<' {
		if rest, caller, ok := parseCaller(b); ok {
			p.called, p.caller, b = true, caller, bytes.TrimPrefix(rest, []byte{' '})
		}
	} else {
		return prefix{}, false
	}
	p.width = len(line) - len(b)
	return p, true
}

// parsePrio reads "<30>": facility and level in one number, at most 23*8+7.
func parsePrio(b []byte) (rest []byte, n uint64, ok bool) {
	if len(b) < 3 || b[0] != '<' {
		return b, 0, false
	}
	i := bytes.IndexByte(b[:min(len(b), 6)], '>')
	if i < 2 {
		return b, 0, false
	}
	n, err := strconv.ParseUint(string(b[1:i]), 10, 16)
	return b[i+1:], n, err == nil && n < 2048
}

// parseTime reads "[    1.234567]", which may have the difference to the line before it: "[    1.234567 <    0.000002>]".
func parseTime(b []byte) (rest []byte, ns uint64, ok bool) {
	if len(b) < 10 || b[0] != '[' {
		return b, 0, false
	}
	i := 1
	for i < len(b) && b[i] == ' ' {
		i++
	}
	start := i
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	if i == start || i-start > 10 || len(b)-i < 8 || b[i] != '.' {
		return b, 0, false
	}
	sec, err1 := strconv.ParseUint(string(b[start:i]), 10, 64)
	us, err2 := strconv.ParseUint(string(b[i+1:i+7]), 10, 64)
	if err1 != nil || err2 != nil {
		return b, 0, false
	}
	b = b[i+7:]
	if after, ok := bytes.CutPrefix(b, []byte(" <")); ok {
		j := bytes.Index(after[:min(len(after), 24)], []byte(">]"))
		if j < 0 {
			return b, 0, false
		}
		b = after[j+1:]
	}
	return b[1:], sec*1e9 + us*1e3, b[0] == ']'
}

// parseCaller reads the "[   T42]" or "[    C0]" that follows a time at once. util-linux prints a space before it.
func parseCaller(b []byte) (rest []byte, caller uint32, ok bool) {
	if len(b) < 4 || b[0] != '[' {
		return b, 0, false
	}
	i := bytes.IndexByte(b[:min(len(b), 16)], ']')
	if i < 0 {
		return b, 0, false
	}
	caller, ok = callerOf(string(bytes.TrimLeft(b[1:i], " ")))
	return b[i+1:], caller, ok
}

// callerOf reads what CallerString prints.
func callerOf(s string) (uint32, bool) {
	if len(s) < 2 || s[0] != 'T' && s[0] != 'C' || s[1] < '0' || s[1] > '9' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[1:], 10, 31)
	if s[0] == 'C' {
		n |= callerCPU
	}
	return uint32(n), err == nil
}

// The names that dmesg -x prints, by their number.
var (
	facilities = [...]string{"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
		"res0", "res1", "res2", "res3", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"}
	levels = [...]string{"emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"}
)

func named(names []string, b []byte) (uint8, bool) {
	for i, n := range names {
		if n == string(b) {
			return uint8(i), true
		}
	}
	return 0, false
}

// parseDecoded reads "kern  :info  : ".
func parseDecoded(b []byte) (rest []byte, facility, level uint8, ok bool) {
	fac, after, ok1 := bytes.Cut(b[:min(len(b), 24)], []byte{':'})
	lev, _, ok2 := bytes.Cut(after, []byte{':'})
	if !ok1 || !ok2 {
		return b, 0, 0, false
	}
	facility, ok1 = named(facilities[:], bytes.TrimRight(fac, " "))
	level, ok2 = named(levels[:], bytes.TrimRight(lev, " "))
	if !ok1 || !ok2 {
		return b, 0, 0, false
	}
	return bytes.TrimPrefix(b[len(fac)+len(lev)+2:], []byte{' '}), facility, level, true
}

// unescape undoes the \xNN that tools print for what is neither printable nor white space, and makedumpfile's \xffffffNN. With all,
// every \xNN is one (/dev/kmsg, which escapes the backslash itself).
func unescape(b []byte, all bool) []byte {
	if !bytes.Contains(b, []byte(`\x`)) {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		c, n := escape(b[i:])
		if n == 0 || !all && (c >= ' ' && c <= '~' || c >= '\t' && c <= '\r') {
			out = append(out, b[i])
			i++
			continue
		}
		out = append(out, c)
		i += n
	}
	return out
}

// escape reads an escape of n bytes; n is 0 if there is none.
func escape(b []byte) (c byte, n int) {
	if len(b) < 4 || b[0] != '\\' || b[1] != 'x' {
		return 0, 0
	}
	n = 4
	if len(b) >= 10 && string(b[2:8]) == "ffffff" && b[8] >= '8' {
		n = 10
	}
	hi, ok1 := hexDigit(b[n-2])
	lo, ok2 := hexDigit(b[n-1])
	if !ok1 || !ok2 {
		return 0, 0
	}
	return hi<<4 | lo, n
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
