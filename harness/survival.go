// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/harness/align"
	"lastpage/harness/grade"
)

// SurvivalSchema names the form of a Survival.
const SurvivalSchema = "lastpage.survival/1"

// Survival answers, for one captured trial, what would have been on the wire if the power had gone at any time: every record with the
// time at which its last byte left the UART. It is a function of the trial's files alone. On an exact wire it holds to the byte, because
// nothing that happens after a moment can change what was sent before it.
type Survival struct {
	Schema   string     `json:"schema"`
	Provoked dut.Moment `json:"provoked"`
	From     int64      `json:"from_ns"` // the provocation; all times count from it
	WireByte int64      `json:"wire_byte"`
	Records  []Survivor `json:"records"` // in the order in which they were whole on the wire
	Unsent   int        `json:"unsent"`  // stored, and never whole on the wire
}

// Survivor is a record that was whole on the wire.
type Survivor struct {
	Seq  uint64 `json:"seq"`
	NS   int64  `json:"ns"`   // when its last byte had left
	Byte int64  `json:"byte"` // wire bytes until then, from the provocation
	Text string `json:"text"`
}

// Survive reads a trial's folder.
func Survive(ctx context.Context, t *Trial) (*Survival, error) {
	at, ok := t.fired(trigProvoke)
	if !ok {
		return nil, fmt.Errorf("survival of %s: nothing was provoked in it", t.dir)
	}
	in, err := t.evidence(ctx)
	if err != nil {
		return nil, fmt.Errorf("survival: %w", err)
	}
	if in.Ring == nil {
		return nil, fmt.Errorf("survival of %s: %s", t.dir, in.RingWhy)
	}
	_, a := grade.Explain(in)
	s := survival(a, in.Wire, at.NS, int64(at.WireByte))
	s.Schema, s.Provoked = SurvivalSchema, at.Moment
	for i := range s.Records {
		if r := in.Ring.Lookup(s.Records[i].Seq); r != nil {
			s.Records[i].Text = string(r.Text)
		}
	}
	return s, nil
}

func survival(a *align.Result, log *wire.Log, from, fromByte int64) *Survival {
	s := &Survival{From: from, WireByte: fromByte, Records: []Survivor{}}
	for i := range a.Entries {
		e := &a.Entries[i]
		if e.Rec < 0 {
			continue
		}
		first := int64(-1) // the first whole occurrence is when it was safe
		for _, o := range e.Occ {
			if o.Whole && (first < 0 || o.End < first) {
				first = o.End
			}
		}
		if first < 0 {
			if e.Storage == align.Stored && e.Visible {
				s.Unsent++
			}
			continue
		}
		if ns, ok := log.TimeAt(first - 1); ok && first > fromByte {
			s.Records = append(s.Records, Survivor{Seq: e.Seq, NS: ns - from, Byte: first - fromByte})
		}
	}
	slices.SortStableFunc(s.Records, func(x, y Survivor) int { return int(x.Byte - y.Byte) })
	return s
}

// At is how many records would have been whole on the wire at ns after the provocation, the last of them included.
func (s *Survival) At(ns int64) (n int, last *Survivor) {
	n = sort.Search(len(s.Records), func(i int) bool { return s.Records[i].NS > ns })
	if n > 0 {
		last = &s.Records[n-1]
	}
	return n, last
}
