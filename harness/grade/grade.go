package grade

import (
	"fmt"
	"slices"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/harness/align"
	"lastpage/kernels/plan"
)

// Make grades one trial.
func Make(in Input) *Grade {
	g, _ := make2(in)
	return g
}

// Explain is Make, with the alignment that it rests on.
func Explain(in Input) (*Grade, *align.Result) { return make2(in) }

func make2(in Input) (*Grade, *align.Result) {
	data := in.Wire.Bytes(0, in.Wire.Len())
	var recs []ring.Record
	if in.Ring != nil {
		recs = in.Ring.Records
	}
	var opts ring.ConsoleOpts
	if in.Opts != nil {
		opts = *in.Opts
	} else {
		opts, _, _ = align.Detect(data, recs)
	}
	ai := align.Input{Wire: data, Records: recs, Opts: opts, Loglevel: in.Loglevel}
	if in.BootLoglevel > 0 && in.Loglevel > 0 {
		ai.BootLoglevel, ai.BootUntil = in.BootLoglevel, armedSeq(recs, in.RunID)
	}
	a := align.Align(ai)
	j := &judge{in: &in, a: a, want: planned(&in)}
	j.s = sortSections(a.Entries, recs, in.RunID, j.want[Warn] != no)
	g := &Grade{Schema: Schema, Void: append([]string{}, in.Void...), Sections: map[string]*Section{}, RingWhy: in.RingWhy,
		Inject: in.Inject, Events: []GradeEvent{}, Delays: []Delay{}, Evidence: in.Evidence}
	j.g = g
	for _, name := range Names {
		g.Sections[name] = j.section(name)
	}
	g.Console = j.console(opts)
	g.Wire = j.wire()
	if in.Ring != nil {
		r := in.Ring
		g.Ring = &Ring{Release: r.Release, Records: len(r.Records), Overwritten: r.Overwritten, Failed: r.Failed, NextSeq: r.NextSeq}
		for i := range r.Records {
			if !r.Records[i].State.Stored() && r.Records[i].State != ring.Reusable {
				g.Ring.Reserved++
			}
		}
	}
	j.pending()
	j.times()
	g.Void = append(g.Void, j.void()...)
	g.Notes = append(g.Notes, j.notes()...)
	letters(g, j.want)
	return g, a
}

type judge struct {
	in   *Input
	a    *align.Result
	s    *sorted
	g    *Grade
	want map[string]answer
}

// answer is what the plan says of a section.
type answer uint8

const (
	unknown answer = iota
	yes
	no
)

// planned tells which sections the trial was to have, as far as the doorbell
// and the input say so.
func planned(in *Input) map[string]answer {
	w := map[string]answer{Boot: yes}
	if in.BacklogRecords > 0 {
		w[Backlog] = yes
	}
	for _, e := range in.Events {
		switch e.Code {
		case plan.BacklogBegin:
			w[Backlog] = yes
			if e.Arg == 0 {
				w[Backlog] = no
			}
		case plan.Provoked:
			kinds := plan.Provokes()
			if int(e.Arg) >= len(kinds) {
				break
			}
			w[Warn], w[Panic] = no, unknown
			switch kinds[e.Arg] {
			case plan.ProvokeNone:
				w[Panic] = no
			case plan.ProvokeWarn:
				w[Warn], w[Panic] = yes, no
			case plan.ProvokeOops, plan.ProvokeBug, plan.ProvokeSoftlockup:
				w[Warn] = yes
			case plan.ProvokeWarnPanic:
				w[Warn], w[Panic] = yes, yes
			case plan.ProvokePanic:
				w[Panic] = yes
			}
		case plan.PanicCall:
			w[Panic] = yes
		}
	}
	if in.Inject != nil && w[Panic] == no {
		w[Panic] = unknown // an NMI panics, a power cut does not
	}
	return w
}

// armedSeq is the seq of the first record of the probe, before which the
// boot's loglevel was in force.
func armedSeq(recs []ring.Record, runID string) uint64 {
	for i := range recs {
		if r, err := plan.ParseRecord(recs[i].Text); err == nil && r.RunID == runID {
			return recs[i].Seq
		}
	}
	return ^uint64(0)
}

func (j *judge) section(name string) *Section {
	s := &Section{ExpectedFrom: FromUnknown, Wire: &Count{}}
	if j.in.Ring != nil {
		s.Stored = &Count{}
	}
	held, holes := Count{}, 0 // held: stored, or gone from the ring and seen whole; holes: neither
	var lastPos []int
	type pos struct {
		at  int64
		rec int
	}
	var order []pos
	for i := range j.s.items {
		it := &j.s.items[i]
		if it.section != name {
			continue
		}
		s.Fates.count(it.Entry)
		if it.Best >= 0 {
			s.span(it.Entry)
			if it.Rec >= 0 {
				order = append(order, pos{it.Occ[it.Best].Start, it.Rec})
			}
		}
		whole := it.Best >= 0 && it.Occ[it.Best].Whole
		s.Wire.Bytes += int64(min(it.Out, it.Size))
		if whole {
			s.Wire.Records++
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
	s.Complete = j.complete(name)
	j.expect(name, s, held, holes)
	if s.Expected != nil && s.Stored != nil {
		lost := max(s.Expected.Records-held.Records, 0)
		never := max(s.Expected.Records-s.Stored.Records-s.Fates.Overwritten, 0)
		s.Lost, s.Fates.Never = &lost, &never
	}
	j.spanTimes(s)
	return s
}

func (c *Count) add(size int) {
	c.Records++
	c.Bytes += int64(size)
}

func (f *Fates) count(e *align.Entry) {
	*[...]*int{align.Missing: &f.Missing, align.Intact: &f.Intact, align.Torn: &f.Torn, align.Replayed: &f.Replayed,
		align.Garbled: &f.Garbled, align.Suppressed: &f.Suppressed, align.Unprintable: &f.Unprintable, align.Seen: &f.Seen}[e.Fate]++
	*[...]*int{align.Stored: &f.Stored, align.Reserved: &f.Reserved, align.Overwritten: &f.Overwritten, align.Failed: &f.Failed,
		align.NotRead: &f.NotRead}[e.Storage]++
}

// complete: the section's last record is stored, or was seen.
func (j *judge) complete(name string) bool {
	switch name {
	case Boot:
		r := j.in.Ring
		return r != nil && len(r.Records) > 0 && r.Records[0].Seq == 0 && (j.s.firstAt < len(j.s.items) || rang(j.in.Events, plan.Armed))
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
		return j.s.warnEnd
	case Panic:
		return j.s.panicEnd
	}
	return false
}

func rang(events []Event, c plan.Code) bool {
	return slices.ContainsFunc(events, func(e Event) bool { return e.Code == c })
}

// expect finds out what the section holds when nothing interrupts it: this
// very trial knows it best, if it stored the section up to its end and nothing
// before the end is gone (holes).
func (j *judge) expect(name string, s *Section, held Count, holes int) {
	ref, ok := j.in.Reference[name]
	switch {
	case name == Other:
	case s.Complete && holes == 0:
		s.Expected, s.ExpectedFrom = &held, FromComplete
	case j.want[name] == no && s.Fates.none():
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

func (j *judge) console(o ring.ConsoleOpts) Console {
	c := Console{Format: format(o), OrderBreaks: j.a.OrderBreaks, OutOfOrder: j.a.OutOfOrder, ReplayNotes: j.a.ReplayNotes,
		DroppedNotes: j.a.DroppedNotes, Dropped: j.a.Dropped, Reboots: j.a.Reboots}
	for i := range j.a.Entries {
		whole := 0
		for _, o := range j.a.Entries[i].Occ {
			if o.Whole {
				whole++
			} else if o.Clean {
				c.Torn++
			}
		}
		c.Repeats += max(whole-1, 0)
	}
	return c
}

func format(o ring.ConsoleOpts) string {
	s := ""
	for _, f := range []struct {
		on   bool
		name string
	}{{o.Syslog, "syslog"}, {o.Time, "time"}, {o.Caller, "caller"}, {o.CRLF, "crlf"}} {
		if f.on && s != "" {
			s += ","
		}
		if f.on {
			s += f.name
		}
	}
	if s == "" {
		return "bare"
	}
	return s
}

func (j *judge) wire() Wire {
	l := j.in.Wire
	w := Wire{Bytes: l.Len(), Clock: string(l.Clock()), Finished: j.in.WireFinished, Record: j.a.Bytes[align.FromRecord],
		Meta: j.a.Bytes[align.Meta], Foreign: j.a.Bytes[align.Foreign], Unexplained: j.a.Bytes[align.Unexplained]}
	if w.Bytes > 0 {
		w.FirstNS, w.LastNS = j.timeAt(0), j.timeAt(w.Bytes-1)
	}
	if l.Clock() == wire.Virtual {
		w.Rate = j.rate()
	}
	return w
}

// rate is the median of the rates inside whole records of 32 bytes and more.
func (j *judge) rate() *float64 {
	var rates []float64
	for i := range j.a.Entries {
		for _, o := range j.a.Entries[i].Occ {
			if o.Whole && o.End-o.Start >= 32 {
				if r, ok := j.in.Wire.Rate(o.Start, o.End); ok {
					rates = append(rates, r)
				}
			}
		}
	}
	if len(rates) == 0 {
		return nil
	}
	slices.Sort(rates)
	return &rates[len(rates)/2]
}

func (j *judge) void() (why []string) {
	l := j.in.Wire
	if l.Clock() != wire.NoClock && !j.in.WireFinished {
		why = append(why, "the capture of the wire is unfinished")
	}
	count := map[wire.MarkKind]int{}
	for _, m := range l.Marks() {
		if m.Kind.Lossy() {
			count[m.Kind]++
		}
	}
	for k := wire.MarkGap; k <= wire.MarkReset; k++ {
		if count[k] > 0 {
			why = append(why, fmt.Sprintf("the capture may have lost bytes: %d marks of kind %q", count[k], k))
		}
	}
	if un, rec := j.a.Bytes[align.Unexplained], j.a.Bytes[align.FromRecord]; j.in.Ring != nil && un > rec && un >= 512 {
		why = append(why, fmt.Sprintf("the wire and the ringbuffer are not of one boot: %d bytes of records on the wire are not in the ring, %d are", un, rec))
	}
	if j.s.otherRuns > 0 && j.in.RunID != "" && !slices.ContainsFunc(j.s.items, func(it item) bool { return it.backlog != nil }) {
		why = append(why, fmt.Sprintf("%d records of the probe are of another run than %s", j.s.otherRuns, j.in.RunID))
	}
	return why
}

func (j *judge) notes() (n []string) {
	if j.in.Wire.Clock() == wire.NoClock {
		n = append(n, "the wire has no index: no times, and nothing that says that it is whole")
	}
	if j.a.Reboots > 0 {
		n = append(n, fmt.Sprintf("the wire shows %d more boots; what came behind the first is not judged", j.a.Reboots))
	}
	if r := j.in.Ring; r != nil && r.Raced > 0 {
		n = append(n, fmt.Sprintf("%d records were overwritten while the ringbuffer was read", r.Raced))
	}
	for _, name := range Names {
		s, ref := j.g.Sections[name], j.in.Reference[name]
		if s.ExpectedFrom == FromComplete && ref.Records > 0 && ref.Records != s.Expected.Records && name != Boot {
			n = append(n, fmt.Sprintf("%s: the reference has %d records, this trial %d with its end", name, ref.Records, s.Expected.Records))
		}
	}
	return n
}
