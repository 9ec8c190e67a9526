// SPDX-License-Identifier: Apache-2.0

package grade

import "lastpage/harness/align"

// Place is a record of a trial, with what became of it and the section that it belongs to.
type Place struct {
	*align.Entry
	Section string
	Text    string // without prefix, as far as it is known
}

// Stored says whether the record is whole in the ringbuffer.
func (p *Place) Stored() bool { return p.Storage == align.Stored }

// Whole says whether the record is on the wire to its end.
func (p *Place) Whole() bool {
	return p.Fate == align.Intact || p.Fate == align.Replayed || p.Fate == align.Seen
}

// Places is Make, with every record in its place, in the order of the ringbuffer; those that were seen only on the wire come first.
func Places(in Input) (*Grade, []Place) {
	j := judged(in)
	all := make([]Place, len(j.s.items))
	for i := range j.s.items {
		it := &j.s.items[i]
		all[i] = Place{it.Entry, it.section, string(it.text)}
	}
	return j.g, all
}
