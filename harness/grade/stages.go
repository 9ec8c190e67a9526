// SPDX-License-Identifier: Apache-2.0

package grade

import (
	"slices"

	"lastpage/harness/align"
	"lastpage/kernels/plan"
)

func (j *judge) section(name string) *Section {
	s, held, holes := j.tally(func(i int) bool { return j.s.items[i].section == name })
	s.Complete = j.complete(name)
	j.expect(name, s, held, holes)
	j.lost(s, held)
	return s
}

// tally counts the records of a section. held: stored, or gone from the ring and seen whole; holes: neither.
func (j *judge) tally(in func(i int) bool) (s *Section, held Count, holes int) {
	s = &Section{ExpectedFrom: FromUnknown, Wire: &Count{}}
	if j.in.Ring != nil {
		s.Stored = &Count{}
	}
	var lastPos []int
	type pos struct {
		at  int64
		rec int
	}
	var order []pos
	for i := range j.s.items {
		it := &j.s.items[i]
		if !in(i) {
			continue
		}
		s.Fates.count(it.Entry)
		if it.Best >= 0 {
			s.span(it.Entry)
			if it.Rec >= 0 && it.Visible { // one that was suppressed comes with a replay, if at all
				order = append(order, pos{it.Occ[it.Best].Start, it.Rec})
			}
		}
		whole := it.Best >= 0 && it.Occ[it.Best].Whole
		s.Wire.Bytes += int64(min(it.Out, it.Size))
		if whole {
			s.Wire.Records++
		}
		if it.Fate == align.Unknown {
			s.unsure.Records++
			s.unsure.Bytes += int64(max(it.Size-it.Out, 0))
		}
		if !it.Visible && it.Best < 0 {
			continue
		}
		if it.Storage == align.Stored {
			if s.Stored != nil {
				s.Stored.add(it.Size)
			}
			held.add(it.Size)
		} else if whole {
			held.add(it.Size)
		} else {
			holes++
		}
	}
	slices.SortFunc(order, func(a, b pos) int { return int(a.at - b.at) })
	for _, p := range order {
		k, _ := slices.BinarySearch(lastPos, p.rec)
		if k == len(lastPos) {
			lastPos = append(lastPos, p.rec)
		} else {
			lastPos[k] = p.rec
		}
	}
	s.OutOfOrder = len(order) - len(lastPos)
	j.spanTimes(s)
	return s, held, holes
}

func (j *judge) lost(s *Section, held Count) {
	if s.Expected != nil && s.Stored != nil {
		lost := max(s.Expected.Records-held.Records, 0)
		never := max(s.Expected.Records-s.Stored.Records-s.Fates.Overwritten, 0)
		s.Lost, s.Fates.Never = &lost, &never
	}
}

func (c *Count) add(size int) {
	c.Records++
	c.Bytes += int64(size)
}

func (f *Fates) count(e *align.Entry) {
	*[...]*int{align.Missing: &f.Missing, align.Intact: &f.Intact, align.Torn: &f.Torn, align.Replayed: &f.Replayed,
		align.Garbled: &f.Garbled, align.Suppressed: &f.Suppressed, align.Unprintable: &f.Unprintable, align.Seen: &f.Seen, align.Unknown: &f.Unknown}[e.Fate]++
	*[...]*int{align.Stored: &f.Stored, align.Reserved: &f.Reserved, align.Overwritten: &f.Overwritten, align.Failed: &f.Failed,
		align.NotRead: &f.NotRead}[e.Storage]++
}

// complete: the section's last record is stored, or was seen.
func (j *judge) complete(name string) bool {
	switch name {
	case Boot:
		r := j.in.Ring
		if j.x != nil && r != nil && (r.Witness.Part || r.Witness.NoSeq) {
			return false // the log may have been longer
		}
		return r != nil && len(r.Records) > 0 && r.Records[0].Seq == 0 && (j.x != nil || j.s.firstAt < len(j.s.items) || rang(j.in.Events, plan.Armed))
	case Backlog:
		n := j.backlogRecords()
		seen := map[uint32]bool{}
		for i := range j.s.items {
			if b := j.s.items[i].backlog; b != nil {
				seen[b.N] = true
			}
		}
		return n > 0 && len(seen) == n
	case Warn:
		// The report of a soft lockup has no end trace. The lockup outlasts it.
		return j.s.warnEnd || j.s.warnAt >= 0 && j.provoked(plan.ProvokeSoftlockup) && rang(j.in.Events, plan.ProvokeDone)
	case Panic:
		return j.s.panicEnd || j.x != nil && j.s.panicAt >= 0 && j.handsOver()
	}
	return false
}

// CameToPanicEnd says whether the probe has said that panic() is in its final loop, whatever was printed (kernels/probe/src/death.c).
func (g *Grade) CameToPanicEnd() bool {
	return slices.ContainsFunc(g.Events, func(e GradeEvent) bool { return plan.Code(e.Code) == plan.Mark && e.Arg == plan.MarkPanicEnd })
}

func (j *judge) provoked(p plan.Provoke) bool {
	return slices.ContainsFunc(j.in.Events, func(e Event) bool { return e.Code == plan.Provoked && int(e.Arg) == plan.ProvokeArg(p) })
}

func rang(events []Event, c plan.Code) bool {
	return slices.ContainsFunc(events, func(e Event) bool { return e.Code == c })
}

// expect finds out what the section holds when nothing interrupts it: this
// very trial knows it best, if it stored the section up to its end and nothing
// before the end is gone (holes). A panic that was made to die at a step of its
// own, or that handed over to a crash kernel, has said all that its path holds
// up to there: nothing but death interrupts a panic, and printk() stores before
// it returns. What lay after it is no loss of the strategy.
func (j *judge) expect(name string, s *Section, held Count, holes int) {
	ref, ok := j.in.Reference[name]
	switch {
	case name == Other:
	case s.Complete && holes == 0:
		s.Expected, s.ExpectedFrom = &held, FromComplete
	case name == Panic && holes == 0 && j.s.panicAt >= 0 && (rang(j.in.Events, plan.Die) || rang(j.in.Events, plan.CrashExec)):
		s.Expected, s.ExpectedFrom = &held, FromDeath
	case name == Warn && holes == 0 && j.s.warnAt >= 0 && j.s.panicAt < 0 && rang(j.in.Events, plan.CrashExec):
		s.Expected, s.ExpectedFrom = &held, FromDeath // an oops that handed over: as above
	case j.want[name] == no && s.Fates.None():
		s.Expected, s.ExpectedFrom = &Count{}, FromPlan
	case name == Backlog && j.backlogRecords() > 0 && j.recordSize() > 0:
		n := j.backlogRecords()
		s.Expected, s.ExpectedFrom = &Count{n, int64(n) * j.recordSize()}, FromPlan
	case ok:
		s.Expected, s.ExpectedFrom = &ref, FromReference
	}
}

// backlogRecords is how many records the backlog was to have; 0 unknown.
func (j *judge) backlogRecords() int {
	for _, e := range j.in.Events {
		if e.Code == plan.BacklogBegin {
			return int(e.Arg)
		}
	}
	return j.in.BacklogRecords
}

// recordSize is what a console sends for one record of the backlog: they are
// all of one length.
func (j *judge) recordSize() int64 {
	for i := range j.s.items {
		if it := &j.s.items[i]; it.backlog != nil && it.Storage == align.Stored {
			return int64(it.Size)
		}
	}
	return 0
}

func (s *Section) span(e *align.Entry) {
	if first := e.Occ[0].Start; s.FirstByte == nil || first < *s.FirstByte {
		s.FirstByte = &first
	}
	if last := e.Occ[e.Best].End; s.LastByte == nil || last > *s.LastByte {
		s.LastByte = &last
	}
}

func (j *judge) spanTimes(s *Section) {
	if s.FirstByte != nil && j.x != nil { // in the file, not in what was made of it
		first, last := j.x.Origin(*s.FirstByte), j.x.Origin(*s.LastByte-1)+1
		s.FirstByte, s.LastByte = &first, &last
	}
	if s.FirstByte != nil {
		s.FirstByteNS = j.timeAt(*s.FirstByte)
		s.LastByteNS = j.timeAt(*s.LastByte - 1)
	}
}

func (j *judge) timeAt(off int64) *int64 {
	if t, ok := j.in.Wire.TimeAt(off); ok {
		return &t
	}
	return nil
}
