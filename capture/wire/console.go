// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
)

// viewBytes is the number of wire bytes that a view works on at a time.
const viewBytes = 1 << 16

// WriteConsole writes the log for people: a line for each line of the wire,
// "\r\n" as a line end, every other control byte, escape and byte over 0x7e as
// \r, \t or \xNN, a backslash as \\. What is not UTF-8 stays visible, nothing
// reaches a terminal as a command. A last line without an end says so.
func WriteConsole(w io.Writer, l *Log) error {
	return eachLine(l, func(_ int64, line []byte, ended bool) error {
		out := AppendVisible(nil, line)
		if !ended {
			out = append(out, " <the wire ends here>"...)
		}
		_, err := w.Write(append(out, '\n'))
		return err
	})
}

// WriteLines is WriteConsole with the offset and the time of each line's first
// byte in front, in seconds on the log's clock.
func WriteLines(w io.Writer, l *Log) error {
	return eachLine(l, func(off int64, line []byte, ended bool) error {
		stamp := "-"
		if t, ok := l.TimeAt(off); ok {
			stamp = fmt.Sprintf("%d.%09d", t/1e9, t%1e9)
		}
		out := AppendVisible(fmt.Appendf(nil, "%8d %16s  ", off, stamp), line)
		if !ended {
			out = append(out, " <the wire ends here>"...)
		}
		_, err := w.Write(append(out, '\n'))
		return err
	})
}

// eachLine calls f for every line without its "\n" or "\r\n". A line longer
// than viewBytes comes in parts.
func eachLine(l *Log, f func(off int64, line []byte, ended bool) error) error {
	n := l.Len()
	for off := l.Start(); off < n; {
		b, err := l.held(off, min(off+viewBytes, n))
		if err != nil {
			return err
		}
		k := bytes.IndexByte(b, '\n')
		switch {
		case k >= 0:
			err = f(off, bytes.TrimSuffix(b[:k], []byte("\r")), true)
			off += int64(k) + 1
		default:
			err = f(off, b, off+int64(len(b)) < n)
			off += int64(len(b))
		}
		if err != nil {
			return fmt.Errorf("write console: %w", err)
		}
	}
	return nil
}

// AppendVisible adds b to dst with everything but printable ASCII escaped.
func AppendVisible(dst, b []byte) []byte {
	const hex = "0123456789abcdef"
	for _, c := range b {
		switch {
		case c == '\\':
			dst = append(dst, `\\`...)
		case c >= ' ' && c <= '~':
			dst = append(dst, c)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

// ParseVisible is the inverse of AppendVisible; raw control bytes are let
// through.
func ParseVisible(s []byte) ([]byte, error) {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, s[i])
			continue
		}
		if i++; i == len(s) {
			return nil, fmt.Errorf("read escaped text at %d: a backslash at the end", i-1)
		}
		switch s[i] {
		case '\\':
			out = append(out, '\\')
		case 'r':
			out = append(out, '\r')
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'x':
			if i+2 >= len(s) {
				return nil, fmt.Errorf("read escaped text at %d: a cut \\x", i-1)
			}
			v, err := strconv.ParseUint(string(s[i+1:i+3]), 16, 8)
			if err != nil {
				return nil, fmt.Errorf("read escaped text at %d: %w", i-1, err)
			}
			out, i = append(out, byte(v)), i+2
		default:
			return nil, fmt.Errorf("read escaped text at %d: unknown escape \\%c", i-1, s[i])
		}
	}
	return out, nil
}
