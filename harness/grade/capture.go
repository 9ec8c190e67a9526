// SPDX-License-Identifier: Apache-2.0

package grade

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"lastpage/capture/ring"
	"lastpage/harness/align"
	"lastpage/harness/foreign"
)

// examined aligns a wire that came without an index, after it was examined.
func examined(in *Input, data []byte, recs []ring.Record) (*foreign.Exam, *align.Result) {
	x := foreign.Examine(data, in.Ring)
	ai := align.Input{Wire: x.Text, Records: recs, Opts: x.Opts, Formats: x.Formats}
	if in.Opts != nil {
		ai.Opts, ai.Formats = *in.Opts, nil
	}
	if in.Loglevel == 0 && len(recs) > 0 && !in.Ring.Witness.NoLevel {
		line := foreign.CommandLine(recs)
		level, why := foreign.BootLevel(line)
		if line == "" {
			why = "the kernel's default: the dump has no command line"
		}
		ai.Levels = []align.Level{{Loglevel: level}}
		x.Loglevel = fmt.Sprintf("%d (%s)", level, why)
	} else if in.Loglevel > 0 {
		ai.Levels = []align.Level{{Loglevel: in.Loglevel}}
		x.Loglevel = fmt.Sprintf("%d (as given)", in.Loglevel)
	}
	a := align.Align(ai)
	if levels, why := foreign.Stops(a, recs, ai.Levels); len(why) > 0 {
		ai.Levels = levels
		x.Notes = append(x.Notes, why...)
		a = align.Align(ai)
	}
	d := &doubts{x: x, a: a, recs: recs, finished: in.WireFinished}
	if len(x.Void) > 0 {
		d.unknown(0, len(recs)-1)
		return x, a
	}
	d.userSpace()
	d.holes()
	if in.Ring != nil && in.Ring.Witness.NoLevel {
		d.levels()
	}
	return x, a
}

// doubts takes from the kernel what the capture may have lost.
type doubts struct {
	x    *foreign.Exam
	a    *align.Result
	recs []ring.Record
	// finished: the capture was closed in order, so that it went on to its end.
	finished bool
}

// at is the index of the entry of a record.
func (d *doubts) at(rec int) int { return d.a.WireOnly + rec }

// unknown makes the entries from..to (records, both in) unknown as far as they are not whole on the wire. It gives how many that were.
func (d *doubts) unknown(from, to int) (n int) {
	for r := max(from, 0); r <= to && r < len(d.recs); r++ {
		e := &d.a.Entries[d.at(r)]
		switch e.Fate {
		case align.Missing, align.Torn, align.Garbled:
			e.Fate = align.Unknown
			n++
		}
	}
	return n
}

// holes looks for what no kernel does: the seams inside lines, a beginning that is not there, an end inside a line.
func (d *doubts) holes() {
	for _, s := range d.a.Seams {
		before, after := s.Before, s.After
		if before < 0 {
			before = d.lastBefore(s.At)
		}
		if before > after { // a chunk that is there twice
			d.unknown(before, before)
			d.unknown(after, after)
			d.cut("at byte %d of the file two pieces do not go together: something is there twice", d.x.Origin(s.At))
			continue
		}
		n := d.unknown(before, after)
		if before == after {
			d.cut("at byte %d of the file a line was changed: bytes are missing, added or damaged inside it", d.x.Origin(s.At))
		} else {
			d.cut("a hole at byte %d of the file: it begins and ends inside lines; what became of %d records is unknown", d.x.Origin(s.At), n)
		}
	}
	d.torn()
	d.garbled()
	first, last := d.ends()
	if n := d.unknown(0, first); n > 0 { // of the first there may be a later line only
		d.cut("the capture begins after the boot did: what became of %d records until its first is unknown", n)
	}
	switch {
	case d.finished || last < 0:
	case d.x.Broken && d.endsInside():
		n := d.unknown(last, len(d.recs)-1)
		d.cut("the capture ends at byte %d inside a record: what became of %d records is unknown", d.x.Bytes, n)
	case !d.x.Followed && !d.goesOn():
		if n := d.unknown(last, len(d.recs)-1); n > 0 {
			d.cut("nothing follows the last record in the file, so nothing says that the capture went on: what became of %d records is unknown", n)
		}
	}
}

// goesOn: something of another origin follows the last record on the wire.
func (d *doubts) goesOn() bool {
	for i := len(d.a.Pieces) - 1; i >= 0; i-- {
		p := d.a.Pieces[i]
		if p.Kind == align.FromRecord {
			return false
		}
		if len(bytes.TrimSpace(d.x.Text[p.Start:p.End])) > 0 {
			return true
		}
	}
	return false
}

func (d *doubts) cut(format string, a ...any) { d.x.Cut = append(d.x.Cut, fmt.Sprintf(format, a...)) }

// lastBefore is the record of the last whole line before an offset; -1 if there is none.
func (d *doubts) lastBefore(at int64) int {
	for i := d.pieceAt(at) - 1; i >= 0; i-- {
		if p := d.a.Pieces[i]; p.Kind == align.FromRecord {
			return d.a.Entries[p.Entry].Rec
		}
	}
	return -1
}

// pieceAt is the index of the first piece that begins at an offset or after it.
func (d *doubts) pieceAt(at int64) int {
	i, _ := slices.BinarySearchFunc(d.a.Pieces, at, func(p align.Piece, at int64) int { return cmp.Compare(p.Start, at) })
	return i
}

// torn looks for a record that breaks off where, in the same line, a much later one begins, or user space's words go on before a later one
// comes, with nothing of those between them anywhere: on one console that is a hole that began inside a line.
func (d *doubts) torn() {
	for i := 1; i < len(d.a.Pieces); i++ {
		p, q := d.a.Pieces[i-1], d.a.Pieces[i]
		if p.Kind != align.FromRecord || p.End != q.Start || d.x.Text[p.End-1] == '\n' || d.a.Entries[p.Entry].Fate != align.Torn {
			continue
		}
		from, to := d.a.Entries[p.Entry].Rec, -1
		switch q.Kind {
		case align.FromRecord:
			if to = d.a.Entries[q.Entry].Rec; !d.missing(from+1, to-1) {
				continue // the next one that is to be printed: a kernel tears so
			}
		case align.Foreign, align.Unexplained:
			if len(bytes.TrimSpace(d.x.Text[q.Start:q.End])) == 0 {
				continue // a line end that the driver added
			}
			if to = d.nextAfter(i); to <= from {
				continue // a firmware may follow a machine that died inside a line
			}
		default:
			continue
		}
		if from < 0 || d.anyOf(from+1, to-1) {
			continue
		}
		n := d.unknown(from, to-1)
		d.cut("a hole at byte %d of the file: it begins inside a line; what became of %d records is unknown", d.x.Origin(p.End), n)
	}
}

// nextAfter is the record of the first piece after the i-th that is one's; -1 if there is none.
func (d *doubts) nextAfter(i int) int {
	for _, p := range d.a.Pieces[i+1:] {
		if p.Kind == align.FromRecord {
			return d.a.Entries[p.Entry].Rec
		}
	}
	return -1
}

// garbled looks for records that have lost bytes in their middle. What two CPUs print at once may stand inside each other, and none of it is
// lost by that. If nothing of the records until the next one on the wire is there either, the hole goes so far.
func (d *doubts) garbled() {
	for r := range d.recs {
		e := &d.a.Entries[d.at(r)]
		if e.Fate != align.Garbled || e.Best < 0 || e.Out >= e.Size {
			continue
		}
		o, to := e.Occ[e.Best], r+1
		if next := d.nextAfter(d.pieceAt(o.End) - 1); next > r && !d.anyOf(r+1, next-1) {
			to = next
		}
		n := d.unknown(r, to-1)
		d.cut("at byte %d of the file a line has lost bytes inside: what became of %d records is unknown", d.x.Origin(o.Start), n)
	}
}

// missing says whether any of the records from..to is one.
func (d *doubts) missing(from, to int) bool {
	for r := max(from, 0); r <= to; r++ {
		if d.a.Entries[d.at(r)].Fate == align.Missing {
			return true
		}
	}
	return false
}

// anyOf says whether any of the records from..to is on the wire, in part or whole.
func (d *doubts) anyOf(from, to int) bool {
	for r := from; r <= to; r++ {
		if d.a.Entries[d.at(r)].Best >= 0 {
			return true
		}
	}
	return false
}

// ends are the first and the last record that the wire has anything of; -1 if there is none.
func (d *doubts) ends() (first, last int) {
	first, last = -1, -1
	for r := range d.recs {
		if e := &d.a.Entries[d.at(r)]; e.Best >= 0 {
			if first < 0 {
				first = r
			}
			last = r
		}
	}
	// What came last on the wire need not be what was stored last.
	for i := len(d.a.Pieces) - 1; i >= 0; i-- {
		if p := d.a.Pieces[i]; p.Kind == align.FromRecord && d.a.Entries[p.Entry].Rec >= 0 {
			return first, d.a.Entries[p.Entry].Rec
		}
	}
	return first, last
}

// endsInside: the last bytes are the beginning of a record, or of its prefix.
func (d *doubts) endsInside() bool {
	if len(d.a.Pieces) == 0 {
		return false
	}
	p := d.a.Pieces[len(d.a.Pieces)-1]
	if p.Kind == align.FromRecord {
		return true
	}
	tail := d.x.Text[p.Start:p.End]
	return len(tail) > 0 && len(tail) < 20 && (tail[0] == '[' || tail[0] == '<')
}

// userSpace takes away what user space printed once more (dmesg > /dev/console): before a panic, and without a replay that the kernel
// announced, rows of records that are there already. A record of which the only line lies in such a row was not sent by the kernel.
func (d *doubts) userSpace() {
	var flow []int // pieces that are whole records, up to the panic
	for i, p := range d.a.Pieces {
		if p.Kind == align.Meta && p.Note == align.NoteReplay {
			flow = flow[:0] // the kernel says that it comes once more
			continue
		}
		if p.Kind != align.FromRecord || !wholeAt(&d.a.Entries[p.Entry], p.Start) {
			continue
		}
		rec := d.a.Entries[p.Entry].Rec
		if rec >= 0 && panics(&d.recs[rec]) {
			break
		}
		if rec >= 0 {
			flow = append(flow, i)
		}
	}
	var row []int
	seen := map[int]bool{}
	repeats, high := 0, -1
	flush := func() {
		if repeats >= leastRepeats && repeats*2 > len(row) && !d.seamed(d.a.Pieces[row[0]].Start) {
			d.drop(row)
		}
		row, repeats = nil, 0
	}
	rec := func(k int) int { return d.a.Entries[d.a.Pieces[flow[k]].Entry].Rec }
	for k, i := range flow {
		// One record that is ahead alone may be another one with the same words.
		ahead := rec(k) >= high && (k+1 == len(flow) || rec(k+1) > high)
		if ahead || rec(k) == high {
			flush()
			high = max(high, rec(k))
		} else {
			row = append(row, i)
			if seen[d.a.Pieces[i].Entry] {
				repeats++
			}
		}
		seen[d.a.Pieces[i].Entry] = true
	}
	flush()
}

// seamed: pieces that do not go together meet in the line before an offset.
func (d *doubts) seamed(at int64) bool {
	from := int64(bytes.LastIndexByte(d.x.Text[:max(at-1, 0)], '\n') + 1)
	return slices.ContainsFunc(d.a.Seams, func(s align.Seam) bool { return s.At >= from && s.At < at })
}

// wholeAt: all of the record is on the wire from an offset on.
func wholeAt(e *align.Entry, at int64) bool {
	return slices.ContainsFunc(e.Occ, func(o align.Occurrence) bool { return o.Whole && o.Start <= at && at < o.End })
}

// leastRepeats is how many records in a row make user space's copy of the log.
const leastRepeats = 8

func panics(r *ring.Record) bool {
	return len(r.Text) >= len(panicFirst) && string(r.Text[:len(panicFirst)]) == panicFirst
}

// drop takes the occurrences of the pieces from their entries.
func (d *doubts) drop(pieces []int) {
	n := 0
	for _, i := range pieces {
		p := &d.a.Pieces[i]
		e := &d.a.Entries[p.Entry]
		for k := range e.Occ {
			if e.Occ[k].Start != p.Start {
				continue
			}
			if len(e.Occ) == 1 { // nowhere else
				e.Fate = align.Missing
				if !e.Visible {
					e.Fate = align.Suppressed
				}
				e.Occ, e.Best, e.Out = nil, -1, 0
				n++
			}
			break
		}
		d.a.Bytes[align.FromRecord] -= p.End - p.Start
		d.a.Bytes[align.Foreign] += p.End - p.Start
		p.Kind, p.Entry = align.Foreign, -1
	}
	d.x.Notes = append(d.x.Notes, fmt.Sprintf("user space printed the kernel's log once more: %d records, %d of which the kernel itself had not sent", len(pieces), n))
}

// levels: a dump without levels does not say whether a record was to be printed at all. From a panic on all are.
func (d *doubts) levels() {
	n := 0
	for r := range d.recs {
		if panics(&d.recs[r]) {
			break
		}
		if e := &d.a.Entries[d.at(r)]; e.Fate == align.Missing {
			e.Fate = align.Unknown
			n++
		}
	}
	if n > 0 {
		d.cut("%d records are not on the wire, and the dump does not know their level: they may have been suppressed", n)
	}
}
