// SPDX-License-Identifier: Apache-2.0

package ring

// Witness says what a log was read from, and what that cannot know. A whole dump of memory has none of the limits.
type Witness struct {
	Kind    string   `json:"kind"`    // "ELF core", "kdump-compressed", "raw RAM", "pstore", "dmesg text", ...
	Unknown []string `json:"unknown"` // one sentence for each thing that it cannot know

	NoReserved bool `json:"-"` // records that were reserved and never committed are not in it
	NoOrder    bool `json:"-"` // the order of records is not certain
	NoLevel    bool `json:"-"` // levels are not known
	NoCaller   bool `json:"-"` // nor who stored a record
	NoSeq      bool `json:"-"` // Seq is counted from the first record that it holds
	Part       bool `json:"-"` // it holds only a part of the log
	TimeUS     bool `json:"-"` // times are cut to microseconds
}
