// SPDX-License-Identifier: Apache-2.0

package grade

import (
	"fmt"
	"slices"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/harness/align"
	"lastpage/harness/foreign"
	"lastpage/kernels/plan"
)

// Make grades one trial.
func Make(in Input) *Grade {
	g, _ := Explain(in)
	return g
}

// Explain is Make, with the alignment that it rests on.
func Explain(in Input) (*Grade, *align.Result) {
	j := judged(in)
	return j.g, j.a
}

func judged(in Input) *judge {
	end := in.Wire.Len()
	if in.WireEnd != nil {
		end = max(0, min(end, *in.WireEnd))
	}
	data := in.Wire.Bytes(0, end)
	if in.WireBegin != nil {
		data = slices.Clone(data) // every offset stays what it is
		for i := range min(*in.WireBegin, end) {
			data[i] = '\n'
		}
	}
	var recs []ring.Record
	if in.Ring != nil {
		recs = in.Ring.Records
	}
	var x *foreign.Exam
	var a *align.Result
	var opts ring.ConsoleOpts
	if in.Foreign || in.Wire.Clock() == wire.NoClock {
		x, a = examined(&in, data, recs)
		opts = x.Opts
	} else {
		if in.Opts != nil {
			opts = *in.Opts
		} else {
			opts, _, _ = align.Detect(data, recs)
		}
		ai := align.Input{Wire: data, Records: recs, Opts: opts, Levels: []align.Level{{Loglevel: in.Loglevel}}}
		if in.BootLoglevel > 0 && in.Loglevel > 0 {
			ai.Levels = []align.Level{{Loglevel: in.BootLoglevel}, {From: armedSeq(recs, in.RunID), Loglevel: in.Loglevel}}
		}
		a = align.Align(ai)
	}
	j := &judge{in: &in, a: a, x: x, want: planned(&in)}
	stray := x != nil && in.RunID == "" // nobody provoked it
	j.s = sortSections(a.Entries, recs, in.RunID, j.want[Warn] != no && !stray)
	var splats []*Splat
	if stray {
		splats = j.findSplats()
	}
	j.s.rest()
	g := &Grade{Schema: Schema, Void: append([]string{}, in.Void...), Sections: map[string]*Section{}, RingWhy: in.RingWhy,
		Inject: in.Inject, Events: []GradeEvent{}, Delays: []Delay{}, Evidence: in.Evidence}
	j.g = g
	for _, name := range Names {
		g.Sections[name] = j.section(name)
	}
	j.splats(splats)
	g.Console = j.console(opts)
	g.Wire = j.wire()
	j.paces()
	if in.Ring != nil {
		g.Ring = ringOf(in.Ring)
	}
	j.pending()
	j.times()
	g.Void = append(g.Void, j.void()...)
	g.Notes = append(g.Notes, j.notes()...)
	g.Notes = append(g.Notes, in.Lacks...)
	if rest := in.Wire.Len() - end; rest > 0 {
		g.Notes = append(g.Notes, fmt.Sprintf("the last %d bytes of the wire are not this kernel's: a crash kernel or a firmware spoke after it", rest))
	}
	if x != nil {
		g.Capture = &x.Capture
		g.Void = append(g.Void, x.Void...)
	}
	letters(g, j.want)
	j.stray()
	return j
}

type judge struct {
	in   *Input
	a    *align.Result
	x    *foreign.Exam // of a wire without an index; nil otherwise
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

// ringOf tells of a log what its witness knows.
func ringOf(r *ring.Log) *Ring {
	w := &r.Witness
	out := &Ring{Release: r.Release, Records: len(r.Records), Consoles: r.Consoles}
	if len(w.Unknown) > 0 {
		out.Witness = w
	}
	if !w.NoSeq {
		out.Overwritten, out.NextSeq = &r.Overwritten, &r.NextSeq
	}
	if w.NoReserved {
		return out
	}
	out.Failed, out.Reserved = &r.Failed, new(int)
	for i := range r.Records {
		if !r.Records[i].State.Stored() && r.Records[i].State != ring.Reusable {
			*out.Reserved++
		}
	}
	return out
}
