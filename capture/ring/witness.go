// SPDX-License-Identifier: Apache-2.0

package ring

// Witness says what a log was read from, and what that cannot know. A whole dump of memory has none of the limits.
type Witness struct {
	Kind    string   `json:"kind"`    // "ELF core", "kdump-compressed", "raw RAM", "pstore", "dmesg text", ...
	Unknown []string `json:"unknown"` // one sentence for each thing that it cannot know

	NoReserved bool `json:"no_reserved,omitempty"` // records that were reserved and never committed are not in it
	NoOrder    bool `json:"no_order,omitempty"`    // the order of records is not certain
	NoLevel    bool `json:"no_level,omitempty"`    // levels are not known
	NoCaller   bool `json:"no_caller,omitempty"`   // nor who stored a record
	NoSeq      bool `json:"no_seq,omitempty"`      // Seq is counted from the first record that it holds
	Part       bool `json:"part,omitempty"`        // it holds only a part of the log
	TimeUS     bool `json:"time_us,omitempty"`     // times are cut to microseconds
}

// lacks sets a limit and says it.
func (w *Witness) lacks(what *bool, sentence string) {
	*what = true
	w.Unknown = append(w.Unknown, sentence)
}

// witness is what a printed log says of its witness: nil if nobody said what it was read from.
func (l *Log) witness() *Witness {
	if l.Witness.Kind == "" {
		return nil
	}
	w := l.Witness
	w.Unknown = append([]string{}, w.Unknown...)
	return &w
}
