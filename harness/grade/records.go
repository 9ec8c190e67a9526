// SPDX-License-Identifier: Apache-2.0

package grade

import "lastpage/harness/align"

// Record is one record of a trial, with what became of it.
type Record struct {
	Section string
	Text    string // without prefix; "" where nobody has it
	Stored  bool   // whole in the ringbuffer
	Fate    align.Fate
}

// Whole says whether the record is on the wire to its end.
func (r *Record) Whole() bool {
	return r.Fate == align.Intact || r.Fate == align.Replayed || r.Fate == align.Seen
}

// Records are the visible records of a trial in the order of the ringbuffer, those that were seen only on the wire first.
func Records(in Input) (all []Record) {
	for _, it := range judged(in).s.items {
		if it.Visible {
			all = append(all, Record{Section: it.section, Text: string(it.text), Stored: it.Storage == align.Stored, Fate: it.Fate})
		}
	}
	return all
}
