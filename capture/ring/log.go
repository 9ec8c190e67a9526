// SPDX-License-Identifier: Apache-2.0

package ring

import "fmt"

// Log is the ringbuffer at one moment: every record between tail and head, in the order of Seq, in whatever state.
type Log struct {
	Records []Record

	// Witness says what the log was read from.
	Witness Witness
	Release string // OSRELEASE
	// TailID and HeadID are descriptor ids (62 bits, they start near their end so that they overflow early).
	TailID, HeadID uint64
	// TailPos and HeadPos are logical positions in the data ring, bytes.
	TailPos, HeadPos uint64
	Descriptors      int   // size of the descriptor ring
	DataSize         int64 // size of the data ring, bytes
	// Overwritten is how many records were stored once and are gone: those before the oldest descriptor, and the reusable ones.
	// (An empty line needs no room for text and may outlive its neighbours.)
	Overwritten uint64
	// NextSeq is the seq that the next record would get.
	NextSeq uint64
	// Failed counts printk calls that got not even a descriptor (printk_ringbuffer.fail).
	Failed uint64
	// Raced counts records that were overwritten while they were being read (live memory only).
	Raced int
	// Consoles are the serial consoles as the memory had them; nil if nobody looked, or none was found. Core.Log looks.
	Consoles []Console
	// Notes are what was odd about the file that the log was read from.
	Notes []string
	// verbatim: WriteDmesg prints texts as they are.
	verbatim bool
	// Problems are oddities that did not stop the decoding, at most maxProblems of them.
	Problems []Problem
}

// Problem is one oddity in the ringbuffer, with its place.
type Problem struct {
	Seq  uint64 `json:"seq"`
	Text string `json:"text"`
}

const maxProblems = 64

func (l *Log) problem(seq uint64, text string) {
	if len(l.Problems) < maxProblems {
		l.Problems = append(l.Problems, Problem{Seq: seq, Text: text})
	}
}

// note says what is odd about what the log was read from, at most maxProblems times.
func (l *Log) note(format string, args ...any) {
	if len(l.Notes) < maxProblems {
		l.Notes = append(l.Notes, fmt.Sprintf(format, args...))
	}
}

// Count tells how many records are in a state.
func (l *Log) Count(s State) int {
	n := 0
	for i := range l.Records {
		if l.Records[i].State == s {
			n++
		}
	}
	return n
}

// Lookup finds the record with a seq, nil if there is none.
func (l *Log) Lookup(seq uint64) *Record {
	if len(l.Records) == 0 || seq < l.Records[0].Seq {
		return nil
	}
	// Seqs rise by one per descriptor, so the index is exact unless records raced away.
	i := min(seq-l.Records[0].Seq, uint64(len(l.Records)-1))
	for ; ; i-- {
		switch r := &l.Records[i]; {
		case r.Seq == seq:
			return r
		case r.Seq < seq || i == 0:
			return nil
		}
	}
}
