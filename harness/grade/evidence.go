// SPDX-License-Identifier: Apache-2.0

package grade

import (
	"fmt"
	"slices"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/harness/align"
)

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
	if l.Clock() == wire.Virtual && j.x == nil {
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
	// A model of the line accounts for its bytes. Nobody does for those of a cable, and what lies behind it.
	if n := len(j.a.Seams); n > 0 && l.Clock() == wire.Monotonic && j.x == nil {
		why = append(why, fmt.Sprintf("the cable lost, changed or doubled bytes: inside lines, at %d places, the first at byte %d", n, j.a.Seams[0].At))
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
		n = append(n, fmt.Sprintf("the wire shows %d more boots; what came after the first is not judged", j.a.Reboots))
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
