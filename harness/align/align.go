// SPDX-License-Identifier: Apache-2.0

package align

import (
	"bytes"

	"lastpage/capture/ring"
)

// hit is one unit, or a part of one, on the wire.
type hit struct {
	id         int32 // index in Input.Records, after them the wire-only ones
	line       int32 // of the record
	last       bool  // its last line
	start, end int64
	out        int
	whole      bool // the whole unit, byte for byte
	clean      bool // a prefix of the unit, byte for byte
}

type aligner struct {
	in    *Input
	img   *images
	wire  []byte
	lines []int64 // start of each line of the wire, then its length

	lineUnit []int32 // unit of a whole line; -1
	nextUnit []int32 // unit of the next whole line after this one; -1
	claimed  []bool  // by unit: on the wire already
	wholeOn  []bool  // by unit: somewhere on the wire as a whole line
	visible  []bool  // by record

	prev     int32 // unit of the newest hit; -1
	hits     []hit
	pieces   []Piece // Entry holds an id until the end
	starts   []int64 // in the line at work: where a record or a note may begin
	cands    []int32
	strange  strangers
	res      *Result
	rebooted bool
}

// Align explains the wire by the records and tells what became of each.
func Align(in Input) *Result {
	a := &aligner{in: &in, wire: in.Wire, prev: -1, res: &Result{}}
	a.img = newImages(a.in)
	a.claimed = make([]bool, len(a.img.units))
	a.wholeOn = make([]bool, len(a.img.units))
	a.visible = visible(a.in)
	a.strange.init(in.Records, a.visible, in.Opts)
	a.split()
	a.hits = make([]hit, 0, len(a.lines))
	a.pieces = make([]Piece, 0, len(a.lines))
	a.wholeLines()
	for i := range a.lineUnit {
		if u := a.lineUnit[i]; u >= 0 {
			a.strange.flush(a)
			a.hit(u, a.lines[i], a.lines[i+1], len(a.img.units[u].raw), true)
			continue
		}
		a.seam(i)
		a.restLine(i)
	}
	a.strange.flush(a)
	a.finish()
	return a.res
}

func (a *aligner) split() {
	n := int64(len(a.wire))
	a.lines = make([]int64, 0, bytes.Count(a.wire, []byte{'\n'})+2)
	for p := int64(0); p < n; {
		a.lines = append(a.lines, p)
		if k := bytes.IndexByte(a.wire[p:], '\n'); k >= 0 {
			p += int64(k) + 1
		} else {
			p = n
		}
	}
	a.lines = append(a.lines, n)
}

// hit notes that the bytes [start, end) are the first out bytes of unit u.
func (a *aligner) hit(u int32, start, end int64, out int, clean bool) {
	x := &a.img.units[u]
	a.hits = append(a.hits, hit{id: x.rec, line: x.line, last: x.last, start: start, end: end,
		out: out, whole: clean && out == len(x.raw), clean: clean})
	if clean {
		a.piece(start, end, FromRecord, x.rec, NoNote)
	}
	a.claimed[u], a.prev = true, u
}

func (a *aligner) piece(start, end int64, k Kind, id int32, note Note) {
	if start < end {
		a.pieces = append(a.pieces, Piece{Start: start, End: end, Kind: k, Entry: int(id), Note: note})
	}
}

// Detect finds out how the kernel formats records for this console: the
// format in which most of the records are whole lines of the wire, or, without
// records, the one that most lines have. matched is how many lines agreed, of
// how many that were tried.
func Detect(wire []byte, recs []ring.Record) (opts ring.ConsoleOpts, matched, tried int) {
	seen := map[string]bool{}
	var lines [][]byte
	for rest := wire; len(rest) > 0; {
		k := bytes.IndexByte(rest, '\n') + 1
		if k == 0 {
			break
		}
		if k <= maxDetect {
			seen[string(rest[:k])] = true
			lines = append(lines, rest[:k])
		}
		rest = rest[k:]
	}
	var sample []*ring.Record
	step := len(recs)/512 + 1
	for i := 0; i < len(recs); i += step {
		if hasText(&recs[i]) && len(recs[i].Text) > 0 {
			sample = append(sample, &recs[i])
		}
	}
	opts = ring.ConsoleOpts{Time: true, CRLF: true}
	for _, o := range formats() {
		if n := countWhole(seen, sample, o); n > matched {
			opts, matched = o, n
		}
	}
	if matched > 0 {
		return opts, matched, len(sample)
	}
	for _, o := range formats() {
		if n := countForm(lines, o); n > matched {
			opts, matched = o, n
		}
	}
	return opts, matched, len(lines)
}

const maxDetect = 2 * ring.ConsoleBuffer

func formats() (out []ring.ConsoleOpts) {
	for _, t := range []bool{true, false} {
		for _, crlf := range []bool{true, false} {
			for i := 3; i >= 0; i-- {
				out = append(out, ring.ConsoleOpts{Time: t, CRLF: crlf, Caller: i&1 != 0, Syslog: i&2 != 0})
			}
		}
	}
	return out
}

func countWhole(seen map[string]bool, sample []*ring.Record, o ring.ConsoleOpts) (n int) {
	for _, r := range sample {
		img := ring.ConsoleText(r, o)
		if k := bytes.IndexByte(img, '\n'); k >= 0 && seen[string(img[:k+1])] {
			n++
		}
	}
	return n
}

// countForm counts lines that start with the whole prefix and end as they
// should. formats() asks for the longer prefixes first, so that "<6>" alone is
// not found where more follows.
func countForm(lines [][]byte, o ring.ConsoleOpts) (n int) {
	if !o.Time && !o.Caller && !o.Syslog {
		return 0
	}
	for _, l := range lines {
		crlf := len(l) > 1 && l[len(l)-2] == '\r'
		if k := prefixLen(l, o); k > 0 && crlf == o.CRLF {
			n++
		}
	}
	return n
}
