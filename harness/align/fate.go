// SPDX-License-Identifier: Apache-2.0

package align

import (
	"bytes"
	"slices"
	"sort"

	"lastpage/capture/ring"
)

// verbose are the first words of what makes the kernel print all levels from
// then on (console_verbose() in panic() and oops_begin()).
var verbose = []string{"Kernel panic - not syncing", "Oops: ", "BUG: kernel NULL pointer dereference", "BUG: unable to handle"}

// visible tells for every record whether its level is printed, or may be.
func visible(in *Input) []bool {
	v := make([]bool, len(in.Records))
	all := false
	for i := range in.Records {
		r := &in.Records[i]
		if r.State.Stored() && !all {
			for _, w := range verbose {
				all = all || bytes.HasPrefix(r.Text, []byte(w))
			}
		}
		level := LevelAt(in.Levels, r.Seq)
		v[i] = all || level <= 0 || int(r.Level) < level || r.Flags&ring.FlagForceCon != 0
	}
	return v
}

// open is the occurrence of an entry that its next line would continue.
type open struct {
	next int32 // line that would continue it; 0 none
	full bool  // every line so far is whole, and nothing lies between them
}

// finish builds the entries from the hits, judges them, and puts everything
// into its order.
func (a *aligner) finish() {
	recs, only := a.in.Records, a.strange.entries
	byID := make([]Entry, len(recs)+len(only))
	for i := range recs {
		byID[i] = a.entry(i)
		byID[i].Text = bytes.Clone(a.strange.lines[int32(i)])
	}
	copy(byID[len(recs):], only)
	a.occurrences(byID)
	for i := range byID {
		timed := i < len(recs) && textLost(&recs[i]) && recs[i].TsNsec > 0 && a.in.Opts.Time
		judgeEntry(&byID[i], timed)
	}
	// Records seen only on the wire come first, by their time.
	at := make([]int32, len(byID))
	order := make([]int, len(only))
	for i := range order {
		order[i] = len(recs) + i
	}
	sort.SliceStable(order, func(i, j int) bool { return byID[order[i]].TimeNS < byID[order[j]].TimeNS })
	for i := range recs {
		order = append(order, i)
	}
	a.res.Entries = make([]Entry, 0, len(byID))
	for i, id := range order {
		at[id] = int32(i)
		a.res.Entries = append(a.res.Entries, byID[id])
	}
	a.res.WireOnly = len(only)
	a.cover(at)
	a.order()
}

func (a *aligner) entry(i int) Entry {
	r := &a.in.Records[i]
	e := Entry{Rec: i, Seq: r.Seq, Visible: a.visible[i], Size: a.img.size[i], Best: -1, TimeNS: -1}
	switch {
	case r.State == ring.Reusable || r.State.Stored() && r.Data == ring.DataLost:
		e.Storage = Overwritten
	case !r.State.Stored():
		e.Storage = Reserved
	case r.Data == ring.DataFailed:
		e.Storage = Failed
	case r.Data == ring.DataNone:
		e.Storage = Overwritten
	}
	return e
}

func (a *aligner) occurrences(byID []Entry) {
	state := make([]open, len(byID))
	for _, h := range a.hits {
		e, s := &byID[h.id], &state[h.id]
		if s.next > 0 && h.line == s.next {
			o := &e.Occ[len(e.Occ)-1]
			s.full = s.full && o.End == h.start
			o.Out += h.out
			o.End = h.end
			o.Clean = s.full && h.clean
		} else {
			s.full = h.line == 0
			e.Occ = append(e.Occ, Occurrence{Start: h.start, End: h.end, Out: h.out, Clean: s.full && h.clean})
		}
		s.full = s.full && h.whole
		s.next = h.line + 1
		if h.clean && !h.whole || h.last {
			s.next = 0
		}
		o := &e.Occ[len(e.Occ)-1]
		o.Whole = s.full && h.last
	}
}

// judgeEntry finds the fate of an entry. timed: it has no text, but the wire
// would show its time.
func judgeEntry(e *Entry, timed bool) {
	torn := false // a beginning lies before the first whole one
	for i, o := range e.Occ {
		if o.Whole && (e.Best < 0 || !e.Occ[e.Best].Whole) {
			e.Best = i
			torn = slices.ContainsFunc(e.Occ[:i], func(o Occurrence) bool { return o.Clean })
		} else if e.Best < 0 || !e.Occ[e.Best].Whole && o.Out > e.Occ[e.Best].Out {
			e.Best = i
		}
	}
	noText := e.Storage != Stored || e.Size == 0
	switch {
	case e.Best < 0 && noText && !(timed || e.Storage == Overwritten && !e.Visible):
		e.Fate = Unprintable
	case e.Best < 0 && e.Visible:
		e.Fate = Missing
	case e.Best < 0:
		e.Fate = Suppressed
	case e.Occ[e.Best].Whole && torn:
		e.Fate = Replayed
	case e.Occ[e.Best].Whole && noText:
		e.Fate = Seen
	case e.Occ[e.Best].Whole:
		e.Fate = Intact
	case e.Occ[e.Best].Clean:
		e.Fate = Torn
	default:
		e.Fate = Garbled
	}
	if e.Best >= 0 {
		e.Out = e.Occ[e.Best].Out
	}
	if noText {
		e.Size = e.Out // nobody knows more
	}
}

// cover sorts the pieces, fills what is left with Foreign, and counts.
func (a *aligner) cover(at []int32) {
	slices.SortStableFunc(a.pieces, func(x, y Piece) int { return int(x.Start - y.Start) })
	a.res.Pieces = make([]Piece, 0, len(a.pieces))
	p := int64(0)
	put := func(x Piece) {
		a.res.Bytes[x.Kind] += x.End - x.Start
		if k := len(a.res.Pieces); k > 0 && x.Kind != FromRecord && x.Note == NoNote {
			if y := &a.res.Pieces[k-1]; y.Kind == x.Kind && y.Note == NoNote {
				y.End = x.End
				return
			}
		}
		a.res.Pieces = append(a.res.Pieces, x)
	}
	for _, x := range a.pieces {
		if x.Start > p {
			put(Piece{Start: p, End: x.Start, Kind: Foreign, Entry: -1})
		}
		if x.Kind == FromRecord {
			x.Entry = int(at[x.Entry])
		}
		put(x)
		p = x.End
	}
	if n := int64(len(a.wire)); p < n {
		put(Piece{Start: p, End: n, Kind: Foreign, Entry: -1})
	}
}

// order compares the order on the wire with the order of seq, by the first
// whole occurrence of every record, or its best one.
func (a *aligner) order() {
	type pos struct {
		at  int64
		rec int // rises with seq
	}
	var seen []pos
	for i := range a.res.Entries {
		if e := &a.res.Entries[i]; e.Rec >= 0 && e.Best >= 0 {
			seen = append(seen, pos{e.Occ[e.Best].Start, e.Rec})
		}
	}
	sort.Slice(seen, func(i, j int) bool { return seen[i].at < seen[j].at })
	var tails []int // smallest end of a rising row of each length
	for i, s := range seen {
		if i > 0 && s.rec < seen[i-1].rec {
			a.res.OrderBreaks++
		}
		k, _ := slices.BinarySearch(tails, s.rec)
		if k == len(tails) {
			tails = append(tails, s.rec)
		} else {
			tails[k] = s.rec
		}
	}
	a.res.OutOfOrder = len(seen) - len(tails)
}
