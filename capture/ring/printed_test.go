// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// Printers of the tools whose output is read, from their sources.

// dmesgWith prints as util-linux does: front is what stands in front of a record's time, lines after the first begin where the text does, a
// record without text is an empty line.
func dmesgWith(log *Log, front, after func(*Record) string, escape func(b, text []byte) []byte) []byte {
	var b []byte
	for i := range log.Records {
		r := &log.Records[i]
		head := append([]byte(front(r)+"["), appendTime(nil, r.TsNsec)...)
		head = append(head, "] "+after(r)...)
		if len(r.Text) == 0 {
			b = append(b, '\n')
			continue
		}
		b = append(b, head...)
		for n, line := range bytes.Split(r.Text, []byte{'\n'}) {
			if n > 0 {
				b = append(append(b, '\n'), bytes.Repeat([]byte{' '}, len(head))...)
			}
			b = escape(b, line)
		}
		b = append(b, '\n')
	}
	return b
}

func none(*Record) string { return "" }

func plain(b, text []byte) []byte { return append(b, text...) }

func decoded(r *Record) string {
	return fmt.Sprintf("%-6s:%-6s: ", facilities[r.Facility], levels[r.Level])
}

func numbered(r *Record) string { return fmt.Sprintf("<%d>", int(r.Facility)<<3|int(r.Level)) }

func host(r *Record) string {
	if bytes.HasPrefix(r.Text, []byte("systemd[1]: ")) {
		return "pc "
	}
	return "pc kernel: "
}

// devKmsg prints as msg_print_ext_header and msg_print_ext_body do.
func devKmsg(log *Log, callers bool) []byte {
	var b []byte
	escape := func(text string) {
		for _, c := range []byte(text) {
			if c < ' ' || c >= 127 || c == '\\' {
				b = fmt.Appendf(b, `\x%02x`, c)
			} else {
				b = append(b, c)
			}
		}
		b = append(b, '\n')
	}
	for i := range log.Records {
		r := &log.Records[i]
		c := '-'
		if r.Flags&FlagCont != 0 {
			c = 'c'
		}
		b = fmt.Appendf(b, "%d,%d,%d,%c", int(r.Facility)<<3|int(r.Level), r.Seq, r.TsNsec/1000, c)
		if callers {
			b = fmt.Appendf(b, ",caller=%s", r.CallerString())
		}
		b = append(b, ';')
		escape(string(r.Text))
		if r.Subsystem != "" {
			b = append(b, " SUBSYSTEM="...)
			escape(r.Subsystem)
			b = append(b, " DEVICE="...)
			escape(r.Device)
		}
	}
	return b
}

// dmesgJSON prints as util-linux does: control characters are escaped, other bytes are left as they are.
func dmesgJSON(log *Log, name bool) []byte {
	b := []byte("{\n   \"dmesg\": [\n      ")
	for i := range log.Records {
		r := &log.Records[i]
		if i > 0 {
			b = append(b, ',')
		}
		if name {
			b = fmt.Appendf(b, "{\n \"fac\": %q, \"pri\": %q,", facilities[r.Facility], levels[r.Level])
		} else {
			b = fmt.Appendf(b, "{\n \"pri\": %d,", int(r.Facility)<<3|int(r.Level))
		}
		b = fmt.Appendf(b, "\n \"time\": %s,\n \"msg\": \"", appendTime(nil, r.TsNsec))
		for _, c := range r.Text {
			switch {
			case c == '"' || c == '\\':
				b = append(b, '\\', c)
			case c < ' ':
				b = fmt.Appendf(b, `\u%04x`, c)
			default:
				b = append(b, c)
			}
		}
		b = append(b, "\"\n      }"...)
	}
	return append(b, "\n   ]\n}\n"...)
}

// utf16Text is what a redirection of PowerShell makes.
func utf16Text(b []byte) []byte {
	out := []byte{0xff, 0xfe}
	for _, r := range utf16.Encode([]rune(string(b))) {
		out = append(out, byte(r), byte(r>>8))
	}
	return out
}

// dmesgColours is dmesg --color=always: the time is green, and of some texts what is before the colon is yellow.
func dmesgColours(b []byte) []byte {
	b = regexp.MustCompile(`(?m)^(\[ *[0-9.]+\] )(\w+: )?`).ReplaceAll(b, []byte("\x1b[32m$1\x1b[0m\x1b[33m$2\x1b[0m"))
	return b
}

// journalJSON prints as journalctl -o json does.
func journalJSON(t *testing.T, log *Log) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for i := range log.Records {
		r := &log.Records[i]
		e := map[string]any{"_TRANSPORT": "kernel", "SYSLOG_IDENTIFIER": "kernel", "PRIORITY": fmt.Sprint(r.Level), "SYSLOG_FACILITY": fmt.Sprint(r.Facility),
			"_SOURCE_MONOTONIC_TIMESTAMP": fmt.Sprint(r.TsNsec / 1000), "_HOSTNAME": "pc"}
		text := r.Text
		if rest, ok := bytes.CutPrefix(text, []byte("systemd[1]: ")); ok {
			e["SYSLOG_IDENTIFIER"], e["SYSLOG_PID"], text = "systemd", "1", rest
		}
		if utf8.Valid(text) && !bytes.Contains(text, []byte{0x1b}) {
			e["MESSAGE"] = string(text)
		} else {
			var numbers []int
			for _, c := range text {
				numbers = append(numbers, int(c))
			}
			e["MESSAGE"] = numbers
		}
		if r.Subsystem != "" {
			e["_KERNEL_SUBSYSTEM"], e["_KERNEL_DEVICE"] = r.Subsystem, r.Device
		}
		if err := enc.Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func written(t *testing.T, log *Log, write func(io.Writer, *Log) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, log); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
