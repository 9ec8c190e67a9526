// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// dmesgRecord is one record of util-linux's `dmesg --json`.
type dmesgRecord struct {
	Fac    string          `json:"fac"`
	Pri    json.RawMessage `json:"pri"`  // a number, or with -x a name
	Time   json.RawMessage `json:"time"` // seconds with six decimals
	Caller string          `json:"caller"`
	Msg    string          `json:"msg"`
}

func (d *document) dmesgRecord() error {
	var j dmesgRecord
	if err := d.dec.Decode(&j); err != nil {
		return err
	}
	rec := Record{Text: bareBytes(strings.TrimSuffix(j.Msg, "\n"), d.hidden)}
	_, ns, ok := parseTime(append(append([]byte{'['}, bytes.TrimSpace(j.Time)...), ']'))
	if !ok {
		return &fieldError{fmt.Errorf("record %d of the JSON document: \"time\": %.40q is not in seconds since boot: print it without -T and --time-format", len(d.dmesg.Records), j.Time)}
	}
	rec.TsNsec = ns
	pri := string(j.Pri)
	if n, err := strconv.ParseUint(pri, 10, 16); err == nil && n < 2048 {
		rec.Facility, rec.Level = uint8(n>>3), uint8(n&7)
		d.numbers++
	} else if level, ok := named(levels[:], []byte(strings.Trim(pri, `"`))); ok {
		rec.Level = level
		rec.Facility, _ = named(facilities[:], []byte(j.Fac))
	} else {
		d.noLevel++
	}
	rec.Caller, ok = callerOf(strings.TrimSpace(j.Caller))
	d.noCaller += count(!ok)
	if err := d.dmesg.add(rec); err != nil {
		return &fieldError{err}
	}
	return nil
}

// limits is the log of util-linux, with what it does not tell.
func (d *document) limits() *Log {
	w := &d.dmesg.Witness
	w.lacks(&w.NoSeq, "Sequence numbers are not printed: records are counted from the first one that is there.")
	if d.noLevel > 0 {
		w.lacks(&w.NoLevel, "Levels are not printed.")
	} else if d.numbers > 0 {
		w.Unknown = append(w.Unknown, "Up to util-linux 2.38 the level of a record from user space is not right.")
	}
	if d.noCaller > 0 {
		w.lacks(&w.NoCaller, "Who stored a record is not printed.")
	}
	w.Unknown = append(w.Unknown, "What was stored after it was printed is not in it.")
	d.dmesg.settle()
	return d.dmesg
}
