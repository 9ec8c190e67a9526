// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// parseJSON reads what `lastpage dmesg --json` and `dmesg --json` print, and journalctl -o json, which is one object for each record.
func parseJSON(ctx context.Context, b []byte) (*Log, error) {
	b, hidden, err := hideBytes(b)
	if err != nil {
		return nil, err
	}
	d := &document{ctx: ctx, dec: json.NewDecoder(bytes.NewReader(b)), hidden: hidden, own: &Log{}, dmesg: newText("dmesg --json")}
	if err := d.read(); err != nil {
		return nil, err
	}
	switch {
	case d.schema == Schema:
		return d.own, d.known()
	case d.schema != "":
		return nil, fmt.Errorf("a JSON document of schema %.40q: %s is read", d.schema, Schema)
	case d.message:
		return parseJournal(ctx, json.NewDecoder(bytes.NewReader(b)), hidden)
	case len(d.dmesg.Records) > 0:
		return d.limits(), nil
	}
	return nil, fmt.Errorf("%w: a JSON document without \"dmesg\" or \"records\" in it", ErrNotLog)
}

// document is a JSON document that is read one record at a time.
type document struct {
	ctx    context.Context
	dec    *json.Decoder
	hidden bool

	schema  string
	message bool // it has a key MESSAGE: one of journalctl's
	own     *Log // lastpage.dmesg/1
	dmesg   *Log // util-linux
	// How many records lack what.
	noLevel, noCaller, numbers int
}

// read goes through the keys of the document.
func (d *document) read() error {
	broken := func(err error) error { return fmt.Errorf("%w: it begins like JSON, but: %w", ErrNotLog, err) }
	if _, err := d.dec.Token(); err != nil {
		return broken(err)
	}
	for d.dec.More() {
		key, err := d.dec.Token()
		if err != nil {
			return broken(err)
		}
		var to any
		switch key {
		case "schema":
			to = &d.schema
		case "release":
			to = &d.own.Release
		case "next_seq":
			to = &d.own.NextSeq
		case "overwritten":
			to = &d.own.Overwritten
		case "failed":
			to = &d.own.Failed
		case "problems":
			err = d.each(func() error {
				var p Problem
				err := d.dec.Decode(&p)
				d.own.problem(p.Seq, p.Text)
				return err
			})
		case "notes":
			to = &d.own.Notes
		case "witness":
			to = &d.own.Witness
		case "records":
			err = d.each(d.record)
		case "dmesg":
			err = d.each(d.dmesgRecord)
		default:
			d.message = d.message || key == "MESSAGE"
			to = new(json.RawMessage)
		}
		if to != nil {
			err = d.dec.Decode(to)
		}
		if bad := (*fieldError)(nil); errors.As(err, &bad) || d.ctx.Err() != nil {
			return err
		} else if err != nil {
			return broken(err)
		}
	}
	if _, err := d.dec.Token(); err != nil {
		return broken(err)
	}
	if d.own.Witness.Kind == "" {
		d.own.Witness.Kind = Schema
	}
	return nil
}

// each reads an array.
func (d *document) each(one func() error) error {
	t, err := d.dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('[') {
		return fmt.Errorf("an array is wanted, not %.20v", t)
	}
	for n := 0; d.dec.More(); n++ {
		if n%1024 == 0 && d.ctx.Err() != nil {
			return d.ctx.Err()
		}
		if err := one(); err != nil {
			return err
		}
	}
	_, err = d.dec.Token()
	return err
}

// fieldError: a record of a document that is a log cannot be read.
type fieldError struct{ err error }

func (e *fieldError) Error() string { return e.err.Error() }
func (e *fieldError) Unwrap() error { return e.err }

// known: what the records do not have, the witness must deny.
func (d *document) known() error {
	w := &d.own.Witness
	switch {
	case d.noLevel > 0 && !w.NoLevel:
		return fmt.Errorf("%d records of the JSON document have no facility or no level", d.noLevel)
	case d.noCaller > 0 && !w.NoCaller:
		return fmt.Errorf("%d records of the JSON document have no caller", d.noCaller)
	}
	return nil
}

// record takes over a record of WriteJSON.
func (d *document) record() error {
	var j jsonRecord
	if err := d.dec.Decode(&j); err != nil {
		return err
	}
	if len(d.own.Records) >= maxTextRecords {
		return &fieldError{fmt.Errorf("more than %d records: no kernel's log holds so many", maxTextRecords)}
	}
	bad := func(format string, args ...any) error {
		return &fieldError{fmt.Errorf("record %d: "+format, append([]any{j.Seq}, args...)...)}
	}
	r := Record{Seq: j.Seq, TsNsec: j.TsNsec, Subsystem: j.Subsystem, Device: j.Device}
	if j.Facility != nil && j.Level != nil {
		r.Facility, r.Level = *j.Facility, *j.Level
	} else {
		d.noLevel++
	}
	if j.Caller != nil {
		var ok bool
		if r.Caller, ok = callerOf(*j.Caller); !ok {
			return bad("caller %.20q is neither T<pid> nor C<cpu>", *j.Caller)
		}
	} else {
		d.noCaller++
	}
	var err error
	if r.Flags, err = flagsOf(j.Flags); err != nil {
		return bad("%w", err)
	}
	state, ok := named(stateNames[:], []byte(j.State))
	if r.State = State(state); !ok {
		return bad("state %.20q is not one of %s", j.State, strings.Join(stateNames[:], ", "))
	}
	if j.Data != "" {
		data, ok := named(dataNames[:], []byte(j.Data))
		if r.Data = Data(data); !ok {
			return bad("data %.20q is not one of %s", j.Data, strings.Join(dataNames[:], ", "))
		}
	}
	switch {
	case r.Data != DataText:
	case j.Text != nil:
		r.Text = bareBytes(*j.Text, d.hidden)
	default:
		r.Text = j.TextB64
	}
	r.TextLen = max(j.TextLen, len(r.Text))
	d.own.Records = append(d.own.Records, r)
	return nil
}

// flagsOf undoes flagNames.
func flagsOf(names []string) (uint8, error) {
	var f uint8
	for _, n := range names {
		switch n {
		case "force_con":
			f |= FlagForceCon
		case "newline":
			f |= FlagNewline
		case "cont":
			f |= FlagCont
		default:
			bits, err := strconv.ParseUint(n, 0, 8)
			if err != nil {
				return 0, fmt.Errorf("flag %.20q is not known", n)
			}
			f |= uint8(bits)
		}
	}
	return f, nil
}
