// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// parseJournal reads `journalctl -k -o json`.
func parseJournal(ctx context.Context, dec *json.Decoder, hidden bool) (*Log, error) {
	log := newText("journalctl -o json")
	w := &log.Witness
	w.lacks(&w.NoSeq, "Sequence numbers are not kept: records are counted from the first one that is there.")
	w.lacks(&w.NoCaller, "Who stored a record is not kept.")
	w.lacks(&w.Part, "What the journal had not yet read or written when the machine died is missing.")
	untimed := 0
	for n := 0; dec.More(); n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var e struct {
			Message    json.RawMessage `json:"MESSAGE"`
			Transport  string          `json:"_TRANSPORT"`
			Source     string          `json:"_SOURCE_MONOTONIC_TIMESTAMP"`
			Priority   string          `json:"PRIORITY"`
			Facility   string          `json:"SYSLOG_FACILITY"`
			Identifier string          `json:"SYSLOG_IDENTIFIER"`
			PID        string          `json:"SYSLOG_PID"`
			Subsystem  string          `json:"_KERNEL_SUBSYSTEM"`
			Device     string          `json:"_KERNEL_DEVICE"`
		}
		if err := dec.Decode(&e); err != nil {
			return nil, fmt.Errorf("object %d of the journal: %w", n, err)
		}
		if e.Transport != "" && e.Transport != "kernel" {
			continue
		}
		rec := Record{Subsystem: e.Subsystem, Device: e.Device, Text: journalText(e.Message, hidden)}
		if e.Identifier != "" && e.Identifier != "kernel" { // written to /dev/kmsg by user space: journald took the name off
			tag := e.Identifier
			if e.PID != "" {
				tag += "[" + e.PID + "]"
			}
			rec.Text = append([]byte(tag+": "), rec.Text...)
		}
		us, err := strconv.ParseUint(e.Source, 10, 53)
		if err != nil {
			untimed++
		}
		rec.TsNsec = us * 1000
		level, err := strconv.ParseUint(e.Priority, 10, 3)
		if err != nil && !w.NoLevel {
			w.lacks(&w.NoLevel, "Not every record has its level.")
		}
		fac, _ := strconv.ParseUint(e.Facility, 10, 8)
		rec.Level, rec.Facility = uint8(level), uint8(fac)
		if err := log.add(rec); err != nil {
			return nil, err
		}
	}
	if len(log.Records) == 0 || untimed*2 > len(log.Records) {
		return nil, fmt.Errorf("%w: %d of its %d records of the journal have a kernel's time: print it with `journalctl -k -o json`", ErrNotLog, len(log.Records)-untimed, len(log.Records))
	}
	log.settle()
	return log, nil
}

// journalText reads MESSAGE: a string, or an array of bytes where it is not UTF-8.
func journalText(raw json.RawMessage, hidden bool) []byte {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return bareBytes(s, hidden)
	}
	var numbers []uint8
	var wide []uint16
	if json.Unmarshal(raw, &wide) == nil {
		for _, n := range wide {
			numbers = append(numbers, uint8(n))
		}
	}
	return numbers
}

// hideBytes makes bytes that are no UTF-8 survive the JSON decoder, as characters of the last private plane. It is false if there are none.
func hideBytes(b []byte) (out []byte, hidden bool, err error) {
	if utf8.Valid(b) {
		return b, false, nil
	}
	bad := 0
	for rest := b; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		bad += count(r == utf8.RuneError && n == 1)
		rest = rest[n:]
	}
	if bad > len(b)/8 {
		return nil, false, fmt.Errorf("%w: it begins like JSON, but %d of its %d bytes are no text", ErrNotLog, bad, len(b))
	}
	out = make([]byte, 0, len(b)+3*bad)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			out = utf8.AppendRune(out, hiddenByte+rune(b[0]))
		} else {
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out, true, nil
}

const hiddenByte = 0x10ff00

func bareBytes(s string, hidden bool) []byte {
	if !hidden {
		return []byte(s)
	}
	var out []byte
	for _, r := range s {
		if r >= hiddenByte && r <= hiddenByte+0xff {
			out = append(out, byte(r-hiddenByte))
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}
