// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"strconv"
)

// ConsoleOpts says how the kernel under test formats records for its consoles.
type ConsoleOpts struct {
	Time   bool // printk.time
	Caller bool // CONFIG_PRINTK_CALLER
	Syslog bool // console_msg_format=syslog: "<prio>" in front
	CRLF   bool // the driver sends \r\n for \n (uart_console_write, serial8250); false gives the bytes handed to the driver
	// Buffer is the size of the kernel's formatting buffer, bytes: 0 means ConsoleBuffer. A record that does not fit with all
	// its prefixes loses whole lines at its end.
	Buffer int
}

// Visible says whether a console at this console_loglevel prints the record (suppress_message_printing); ignore_loglevel is
// loglevel 8.
func (r *Record) Visible(loglevel int) bool {
	return int(r.Level) < loglevel || r.Flags&FlagForceCon != 0
}

// Sizes of the buffer in which the kernel formats a record for a console.
const (
	ConsoleBuffer    = 2048 // PRINTK_MESSAGE_MAX, since 6.4
	ConsoleBufferOld = 1024 // CONSOLE_LOG_MAX, before 6.4
)

// ConsoleText gives the bytes that a kernel's console sends for one record: the prefix in front of every line of the text and a
// newline after it. Source: record_print_text and info_print_prefix in kernel/printk/printk.c, the same in 6.1, 6.12 and 7.3.
//
// What the kernel prepends on its own account ("** n printk messages dropped **", "** replaying previous printk message **") is
// not part of a record.
//
// A record without text to read (DataFailed, DataLost, DataNone) is skipped by the kernel: nil.
func ConsoleText(rec *Record, opts ConsoleOpts) []byte {
	if rec.Data != DataText && rec.Data != DataEmpty {
		return nil
	}
	return AppendConsole(make([]byte, 0, len(rec.Text)+prefixMax+2), rec, opts)
}

// prefixMax is the length of most prefixes, bytes.
const prefixMax = 48

// AppendConsole appends what ConsoleText gives.
func AppendConsole(out []byte, rec *Record, opts ConsoleOpts) []byte {
	if rec.Data != DataText && rec.Data != DataEmpty {
		return out
	}
	size := opts.Buffer
	if size <= 0 {
		size = ConsoleBuffer
	}
	var room [2 * prefixMax]byte
	prefix := consolePrefix(room[:0], rec, opts)
	text := rec.Text
	if len(text) > size {
		text = text[:size]
	}
	used := 0 // of the kernel's buffer
	truncated := false
	for {
		line, rest, more := bytes.Cut(text, []byte{'\n'})
		if !more && truncated {
			break // the kernel drops a line that was cut
		}
		// Room for the prefix, all of the remaining text, a newline and a terminator? Otherwise cut the text, or, if even this
		// line has no room, stop.
		if used+len(prefix)+len(text)+2 > size {
			if used+len(prefix)+len(line)+2 > size {
				break
			}
			keep := size - used - len(prefix) - 2
			truncated = true
			if more && keep > len(line) {
				rest = rest[:keep-len(line)-1]
			} else {
				more = false
			}
		}
		out = append(out, prefix...)
		out = append(out, line...)
		if opts.CRLF {
			out = append(out, '\r')
		}
		out = append(out, '\n')
		used += len(prefix) + len(line) + 1
		if !more {
			break
		}
		text = rest
	}
	return out
}

func consolePrefix(b []byte, rec *Record, opts ConsoleOpts) []byte {
	if opts.Syslog {
		b = append(b, '<')
		b = strconv.AppendUint(b, uint64(rec.Facility)<<3|uint64(rec.Level), 10)
		b = append(b, '>')
	}
	if opts.Time {
		b = append(b, '[')
		b = appendTime(b, rec.TsNsec)
		b = append(b, ']')
	}
	if opts.Caller {
		b = append(b, '[')
		b = appendPadded(b, rec.CallerString(), 6)
		b = append(b, ']')
	}
	if opts.Time || opts.Caller {
		b = append(b, ' ')
	}
	return b
}

// appendTime writes seconds (at least 5 wide) and microseconds, cut, not rounded: "%5lu.%06lu".
func appendTime(b []byte, ns uint64) []byte {
	sec, us := ns/1e9, ns%1e9/1e3
	for least := uint64(10000); least > 1 && sec < least; least /= 10 {
		b = append(b, ' ')
	}
	b = append(strconv.AppendUint(b, sec, 10), '.')
	for least := uint64(100000); least > 1 && us < least; least /= 10 {
		b = append(b, '0')
	}
	return strconv.AppendUint(b, us, 10)
}

func appendPadded(b []byte, s string, width int) []byte {
	for i := len(s); i < width; i++ {
		b = append(b, ' ')
	}
	return append(b, s...)
}
