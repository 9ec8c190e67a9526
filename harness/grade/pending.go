// SPDX-License-Identifier: Apache-2.0

package grade

import (
	"lastpage/harness/align"
	"lastpage/kernels/plan"
)

// pending counts what was stored and not yet sent at two moments.
//
// What was on the wire then is exact: the doorbell and the injection carry the
// number of bytes that had left the UART. What was stored is told by order: the
// probe rings Provoked right before it provokes, so every record with a lower
// seq than the first one of the provoked section was stored by then. Records
// that other CPUs stored between the two are counted as pending too. Where
// nothing is provoked, the moment is rung all the same, after the backlog.
func (j *judge) pending() {
	first := j.s.warnAt
	if first < 0 {
		first = j.s.panicAt
	}
	for _, e := range j.in.Events {
		if e.Code != plan.Provoked {
			continue
		}
		before := first
		if plan.ProvokeArg(plan.ProvokeNone) == int(e.Arg) {
			before = j.s.afterBacklog()
		}
		// What somebody's own provocation makes the kernel say may begin before its emergency, or be none.
		if after := j.s.afterBacklog(); plan.RunArg == e.Arg && after >= 0 {
			before = after
		}
		if before >= 0 {
			j.g.PendingAtProvoke = j.notSent(before, e.WireByte)
		}
	}
	if j.in.Inject != nil && j.s.panicAt >= 0 {
		j.g.PendingAtInject = j.notSent(j.s.panicAt, j.in.Inject.WireByte)
	}
}

// afterBacklog is the index of the item after the last one of the backlog; -1
// without a backlog.
func (s *sorted) afterBacklog() int {
	for i := len(s.items) - 1; i >= 0; i-- {
		if s.items[i].backlog != nil {
			return i + 1
		}
	}
	return -1
}

// notSent counts the records before the item `first` of which some byte had
// not left the UART when it had sent `sent` bytes.
func (j *judge) notSent(first int, sent int64) *Count {
	if j.in.Ring == nil {
		return nil
	}
	c := &Count{}
	for i := range j.s.items[:first] {
		it := &j.s.items[i]
		if it.Best < 0 && !it.Visible || it.Storage != align.Stored && it.Storage != align.Overwritten {
			continue
		}
		out := 0
		if it.Best >= 0 {
			if o := it.Occ[it.Best]; o.Start < sent {
				out = min(o.Out, int(sent-o.Start))
			}
		}
		if left := it.Size - out; left > 0 {
			c.add(left)
		}
	}
	return c
}

// times puts down the events and the delays between the moments of a trial
// that people compare. A moment that did not come has no delay.
func (j *judge) times() {
	type moment struct{ ns, at int64 }
	known := map[string]moment{}
	var provoked *int64
	for _, e := range j.in.Events {
		ge := GradeEvent{Name: e.Code.String(), Code: int(e.Code), Arg: e.Arg, NS: e.NS, WireByte: e.WireByte, Writer: e.Writer}
		if e.Writer != nil {
			ge.CPU = &e.CPU
		}
		if e.Code == plan.Provoked {
			provoked = &e.NS
		}
		if provoked != nil {
			d := e.NS - *provoked
			ge.SinceProvoke = &d
		}
		j.g.Events = append(j.g.Events, ge)
		if _, ok := known[ge.Name]; !ok {
			known[ge.Name] = moment{e.NS, e.WireByte}
		}
	}
	if p := j.in.Inject; p != nil {
		known["inject"] = moment{p.NS, p.WireByte}
	}
	for _, name := range []string{Backlog, Warn, Panic} {
		if s := j.g.Sections[name]; s.FirstByteNS != nil && s.LastByteNS != nil {
			known[name+"-first-byte"] = moment{*s.FirstByteNS, *s.FirstByte + 1}
			known[name+"-last-byte"] = moment{*s.LastByteNS, *s.LastByte}
		}
	}
	for _, d := range [...][2]string{
		{"backlog-begin", "backlog-stored"}, {"backlog-stored", "provoke"},
		{"provoke", "provoke-done"}, {"provoke", "warn-first-byte"}, {"provoke", "warn-last-byte"}, {"provoke", "inject"}, {"provoke", "panic-call"},
		{"inject", "panic-first-byte"}, {"inject", "panic-last-byte"}, {"inject", "notifier-first"}, {"inject", "crash-exec"},
		{"panic-call", "panic-first-byte"}, {"panic-call", "notifier-first"}, {"panic-call", "notifier-last"}, {"panic-call", "kmsg-dump"},
		{"panic-call", "crash-exec"}, {"panic-call", "panic-last-byte"}, {"panic-first-byte", "panic-last-byte"},
	} {
		from, ok1 := known[d[0]]
		to, ok2 := known[d[1]]
		if ok1 && ok2 {
			j.g.Delays = append(j.g.Delays, Delay{From: d[0], To: d[1], NS: to.ns - from.ns, Bytes: to.at - from.at})
		}
	}
}
