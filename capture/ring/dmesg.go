// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// WriteDmesg prints every stored record as vmcore-dmesg does: "[    1.234567] text" and a newline. A newline inside a text is
// printed as it is, without a prefix; bytes that are neither printable ASCII nor white space become \xNN. A record whose text
// was never stored or is lost has its prefix only. What pstore kept is printed as it was kept, without escapes. Reserved records are not printed: see Log.Count and WriteJSON.
func WriteDmesg(w io.Writer, log *Log) error {
	bw := bufio.NewWriterSize(w, 64<<10)
	var line []byte
	for i := range log.Records {
		rec := &log.Records[i]
		if !rec.State.Stored() {
			continue
		}
		line = append(line[:0], '[')
		line = appendTime(line, rec.TsNsec)
		line = append(line, ']', ' ')
		if log.verbatim {
			line = append(line, rec.Text...)
		} else {
			line = appendEscaped(line, rec.Text)
		}
		line = append(line, '\n')
		if _, err := bw.Write(line); err != nil {
			return fmt.Errorf("write dmesg: %w", err)
		}
	}
	if err := bw.Flush(); err != nil {
		return fmt.Errorf("write dmesg: %w", err)
	}
	return nil
}

// appendEscaped writes text with \xNN for what isprint and isspace of the C locale refuse.
func appendEscaped(b, text []byte) []byte {
	const hex = "0123456789abcdef"
	for _, c := range text {
		if c >= ' ' && c <= '~' || c >= '\t' && c <= '\r' {
			b = append(b, c)
		} else {
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// jsonRecord is one record of WriteJSON.
type jsonRecord struct {
	Seq       uint64   `json:"seq"`
	TsNsec    uint64   `json:"ts_nsec"`
	Facility  *uint8   `json:"facility"` // null, as level and caller, where the witness does not know it
	Level     *uint8   `json:"level"`
	Caller    *string  `json:"caller"`         // "T<pid>" or "C<cpu>"
	Flags     []string `json:"flags"`          // "newline", "cont", "force_con", "0x.." for bits without a name
	State     string   `json:"state"`          // see State
	Data      string   `json:"data,omitempty"` // why there is no text, see Data; left out if there is one
	Text      *string  `json:"text,omitempty"`
	TextB64   []byte   `json:"text_b64,omitempty"` // instead of text where that is not UTF-8
	Truncated bool     `json:"truncated,omitempty"`
	TextLen   int      `json:"text_len,omitempty"` // bytes, if the text is truncated: what the record claims
	Subsystem string   `json:"subsystem"`
	Device    string   `json:"device"`
}

// MarshalJSON gives the record as `dmesg --json` prints it.
func (r *Record) MarshalJSON() ([]byte, error) { return json.Marshal(r.json(&Witness{})) }

func (r *Record) json(w *Witness) jsonRecord {
	j := jsonRecord{
		Seq: r.Seq, TsNsec: r.TsNsec,
		Flags: flagNames(r.Flags), State: r.State.String(), Truncated: r.Truncated(),
		Subsystem: r.Subsystem, Device: r.Device,
	}
	if !w.NoLevel {
		j.Facility, j.Level = &r.Facility, &r.Level
	}
	if !w.NoCaller {
		caller := r.CallerString()
		j.Caller = &caller
	}
	if j.Truncated {
		j.TextLen = r.TextLen
	}
	if r.Data != DataText {
		j.Data = r.Data.String()
	}
	if utf8.Valid(r.Text) {
		s := string(r.Text)
		j.Text = &s
	} else {
		j.TextB64 = r.Text
	}
	return j
}

func flagNames(f uint8) []string {
	names := []string{}
	for _, n := range []struct {
		bit  uint8
		name string
	}{{FlagForceCon, "force_con"}, {FlagNewline, "newline"}, {FlagCont, "cont"}} {
		if f&n.bit != 0 {
			names = append(names, n.name)
			f &^= n.bit
		}
	}
	if f != 0 {
		names = append(names, fmt.Sprintf("0x%x", f))
	}
	return names
}

// Schema names the form of what WriteJSON prints. Fields may be added under the same number; a change of meaning takes a new one.
const Schema = "lastpage.dmesg/1"

// WriteJSON prints every record, in whatever state, as one JSON document with a line for each record.
func WriteJSON(w io.Writer, log *Log) error {
	bw := bufio.NewWriterSize(w, 64<<10)
	head := struct {
		Schema      string    `json:"schema"`
		Release     string    `json:"release"`
		NextSeq     uint64    `json:"next_seq"`
		Overwritten uint64    `json:"overwritten"`
		Failed      uint64    `json:"failed"`
		Problems    []Problem `json:"problems"`
		Notes       []string  `json:"notes,omitempty"`
		Witness     *Witness  `json:"witness,omitempty"`
	}{Schema, log.Release, log.NextSeq, log.Overwritten, log.Failed, append([]Problem{}, log.Problems...), log.Notes, log.witness()}
	line, err := json.Marshal(head)
	if err != nil {
		return fmt.Errorf("write records: %w", err)
	}
	// The errors of bw stay until Flush.
	fmt.Fprintf(bw, "%s, \"records\": [", line[:len(line)-1])
	for i := range log.Records {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(log.Records[i].json(&log.Witness)); err != nil {
			return fmt.Errorf("write record %d: %w", log.Records[i].Seq, err)
		}
		if i > 0 {
			bw.WriteByte(',')
		}
		fmt.Fprintf(bw, "\n%s", bytes.TrimSpace(b.Bytes()))
	}
	fmt.Fprint(bw, "\n]}\n")
	if err := bw.Flush(); err != nil {
		return fmt.Errorf("write records: %w", err)
	}
	return nil
}
