// SPDX-License-Identifier: Apache-2.0

package foreign

import (
	"fmt"

	"lastpage/capture/ring"
	"lastpage/harness/align"
)

// Capture is what was found out about a wire that came without an index. Offsets are those of the file, bytes.
type Capture struct {
	Bytes    int64  `json:"bytes"`
	LineEnds string `json:"line_ends"` // "CR LF", "LF", "CR CR LF", "CR", "mixed: ..."; "" without a line
	// Undone is what somebody changed between the UART and the file, and what was undone for matching; a sentence each.
	Undone []string `json:"undone"`
	// Cut is what was taken away, so that it is unknown what the kernel sent there.
	Cut []string `json:"cut"`
	// Before is how many bytes precede the kernel's first line: firmware, a boot loader, a logger's own words, noise.
	Before int64  `json:"bytes_before_kernel"`
	Boots  []Boot `json:"boots"`
	// Judged is the index in Boots of the boot that is judged; -1: none.
	Judged int `json:"judged_boot"`
	// SameTime, OtherTime: lines of the judged boot that have a record's text and its time, and those that have the text with another time.
	SameTime  int `json:"lines_same_time"`
	OtherTime int `json:"lines_other_time"`
	// Formats is how many records have which prefix, where that changed in the middle.
	Formats map[string]int `json:"formats,omitempty"`
	// Loglevel says where console_loglevel comes from.
	Loglevel string   `json:"loglevel,omitempty"`
	Notes    []string `json:"notes"`
}

// Boot is one boot on the wire.
type Boot struct {
	Start   int64  `json:"start"` // offset of its first byte in the file
	End     int64  `json:"end"`   // after its last
	Release string `json:"release,omitempty"`
	Panics  bool   `json:"panics"` // it says "Kernel panic"
	// Records of the dump that it has as whole lines.
	Records int `json:"records_of_the_dump"`

	banner     string
	start, end int // lines
}

// Exam is an examined wire.
type Exam struct {
	Capture
	// Void is why the wire cannot be judged, and what speaks for it; empty: it can.
	Void []string
	// Text is the judged boot with CR LF at each line end, as a UART sends it.
	Text []byte
	// Opts is how the kernel formats records for this console, Formats how it does for each record if that changed, nil otherwise.
	Opts    ring.ConsoleOpts
	Formats []ring.ConsoleOpts
	// Broken: the file ends inside a line of the boot.
	Broken bool
	// Followed: another boot follows in the file, so that the capture went on.
	Followed bool

	lines []line
}

// line is a line of the file.
type line struct {
	start, end int64  // in the file, line end included
	text       []byte // without what a logger did to it and without its line end
	ended      bool

	prefix int   // bytes of the kernel's prefix
	timed  bool  // it has a time
	ns     int64 // of that; -1 without one
}

// said is the line without the kernel's prefix.
func (l *line) said() []byte { return l.text[l.prefix:] }

// parse reads all prefixes once the lines are what the kernel sent.
func (x *Exam) parse() {
	for i := range x.lines {
		l := &x.lines[i]
		l.prefix, l.timed, l.ns = align.AnyPrefix(l.text)
	}
}

// Examine looks at a wire. log may be nil.
func Examine(wire []byte, log *ring.Log) *Exam {
	x := &Exam{Capture: Capture{Bytes: int64(len(wire)), Undone: []string{}, Cut: []string{}, Notes: []string{}, Boots: []Boot{}, Judged: -1}}
	if x.notText(wire) {
		return x
	}
	x.split(wire)
	var recs []ring.Record
	if log != nil {
		recs = log.Records
	}
	known := texts(recs)
	x.frame(known)
	x.unwrap(known)
	x.context(log)
	x.parse()
	if !x.kernel(known) {
		return x
	}
	x.boots()
	x.choose(recs)
	x.pair(log)
	x.render()
	x.formats(recs)
	return x
}

// kernel says whether anything in the wire can be a kernel's.
func (x *Exam) kernel(known map[string]bool) bool {
	forms, found := 0, 0
	for i := range x.lines {
		if l := &x.lines[i]; l.prefix > 0 || l.banner() != nil {
			forms++
		}
		if t := x.lines[i].said(); len(t) >= minText && known[string(t)] {
			found++
		}
	}
	switch {
	case found > 0, len(known) == 0 && forms > 0:
		return true
	case forms > 0:
		x.void("none of the %d lines that look like a kernel's is in the dump: they are not of one boot", forms)
	default:
		x.void("no line of the capture is a kernel's: %d lines, the first is %.40q", len(x.lines), x.first())
	}
	return false
}

func (x *Exam) first() []byte {
	for i := range x.lines {
		if len(x.lines[i].text) > 0 {
			return x.lines[i].text
		}
	}
	return nil
}

func (x *Exam) void(format string, a ...any) { x.Void = append(x.Void, fmt.Sprintf(format, a...)) }

// minText is how long a text must be before it says whose line it is, bytes.
const minText = 8

// texts are the first lines of the records.
func texts(recs []ring.Record) map[string]bool {
	m := make(map[string]bool, len(recs))
	for i := range recs {
		if r := &recs[i]; r.State.Stored() && len(r.Text) > 0 {
			m[string(firstLine(r.Text))] = true
		}
	}
	return m
}
