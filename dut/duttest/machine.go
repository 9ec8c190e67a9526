// SPDX-License-Identifier: Apache-2.0

package duttest

import (
	"context"
	"math"
	"strings"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/kernels/plan"
)

// machine runs a script. It is a dut.Machine.
type machine struct {
	s       *Script
	log     *wire.Log
	events  []dut.Event
	records []ring.Record
	sent    int // of records; one whose end was not reached is not

	armed  []dut.Trigger
	after  []int
	fired  []dut.Firing
	counts []int64 // of what an armed trigger counts, since it was live
	delay  int64   // ns, of the knobs: of the provocation
	start  int64   // and of the plan

	now, lastByte int64
	text          strings.Builder
	stopped       int // index of the trigger that did, -1
}

// Arm implements dut.Machine.
func (m *machine) Arm(ts []dut.Trigger) error {
	if err := m.s.Fail[Arm]; err != nil {
		return err
	}
	after, err := dut.Order(ts)
	if err != nil {
		return err
	}
	m.armed, m.after, m.counts = ts, after, make([]int64, len(ts))
	m.fired = make([]dut.Firing, len(ts))
	for i, t := range ts {
		m.fired[i].Name = t.Name
	}
	return nil
}

// Fired implements dut.Machine.
func (m *machine) Fired() []dut.Firing { return m.fired }

// Run implements dut.Machine.
func (m *machine) Run(ctx context.Context) (dut.End, error) {
	if err := m.s.call(ctx, Run); err != nil {
		return dut.End{Firing: -1}, err
	}
	m.stopped, m.lastByte = -1, math.MinInt64
	m.play(m.s.Steps)
	if m.stopped < 0 {
		m.until(math.MaxInt64 / 2) // silence, for as long as anybody waits for it
	}
	end := dut.End{By: "trigger", Firing: m.stopped, Wire: m.s.WireEnd}
	if m.stopped < 0 {
		end.By = m.s.EndBy
		if end.By == "" {
			end.By = "gone"
		}
	}
	return end, nil
}

// play carries out steps until the machine is stopped; nmi says that one ended them.
func (m *machine) play(steps []Step) (nmi bool) {
	for _, st := range steps {
		at := m.now + st.After
		if st.Ring != nil && st.Ring.Code == plan.Provoked {
			at += m.delay
		}
		if st.Ring != nil && st.Ring.Code == plan.BacklogBegin {
			at += m.start
		}
		if m.until(at) {
			return true
		}
		if st.Store != nil {
			r := *st.Store
			r.Seq, r.TsNsec, r.State, r.TextLen = uint64(len(m.records)), uint64(m.now), ring.Finalized, len(r.Text)
			m.records = append(m.records, r)
		}
		if st.Ring != nil {
			e := dut.Event{Code: st.Ring.Code, Arg: st.Ring.Arg, NS: m.now, WireByte: m.offset()}
			m.events = append(m.events, e)
			if m.check(func(t *dut.Trigger) bool { return t.When == dut.AtEvent && t.Code == e.Code }) {
				return true
			}
		}
		if st.Enter != "" && m.check(func(t *dut.Trigger) bool { return t.When == dut.AtSymbol && t.Addr == m.s.Symbols[st.Enter] }) {
			return true
		}
		if m.say(st.Say) {
			return true
		}
		for st.Flush && m.sent < len(m.records) {
			if m.say(string(ring.ConsoleText(&m.records[m.sent], console))) {
				return true
			}
			m.sent++
		}
		if m.stopped >= 0 {
			return true
		}
	}
	return false
}

// console is how the script's kernel formats a line.
var console = ring.ConsoleOpts{Time: true, CRLF: true}

// say sends text byte by byte; true if the steps are over.
func (m *machine) say(text string) bool {
	for i := range len(text) {
		if m.until(m.now + ByteNS) {
			return true
		}
		m.lastByte = m.now
		m.text.WriteByte(text[i])
		if err := m.log.Append([]byte{text[i]}, m.now); err != nil {
			panic(err) // the script's times run backwards
		}
		if m.check(func(t *dut.Trigger) bool {
			return t.When == dut.AtByte || t.When == dut.AtPattern && strings.HasSuffix(m.text.String(), t.Text)
		}) {
			return true
		}
	}
	return false
}

// until lets time pass up to ns, with the triggers that wait for a time or for silence; true if the steps are over.
func (m *machine) until(ns int64) bool {
	for m.stopped < 0 {
		next, at := -1, ns
		for i := range m.armed {
			if due, ok := m.due(i); ok && due <= at && (next < 0 || due < at) {
				next, at = i, due
			}
		}
		if next < 0 {
			m.now = ns
			return false
		}
		m.now = max(m.now, at)
		if m.fire(next) {
			return true
		}
	}
	return true
}

// due is when a trigger of time or silence fires if nothing happens.
func (m *machine) due(i int) (int64, bool) {
	t := &m.armed[i]
	if m.fired[i].Fired || !m.live(i) {
		return 0, false
	}
	from := int64(0)
	if a := m.after[i]; a >= 0 {
		from = m.fired[a].NS
	}
	switch t.When {
	case dut.AtTime:
		return from + t.N, true
	case dut.AtQuiet:
		return max(from, m.lastByte) + t.N, true
	}
	return 0, false
}

func (m *machine) live(i int) bool { return m.after[i] < 0 || m.fired[m.after[i]].Fired }

// check counts for the triggers that match, and fires those that have their number; true if the steps are over.
func (m *machine) check(match func(*dut.Trigger) bool) bool {
	for i := range m.armed {
		t := &m.armed[i]
		if m.stopped >= 0 {
			return true
		}
		if m.fired[i].Fired || !m.live(i) || !match(t) {
			continue
		}
		if m.counts[i]++; t.When != dut.AtPattern && m.counts[i] < t.N {
			continue
		}
		if m.fire(i) {
			return true
		}
	}
	return m.stopped >= 0
}

// fire notes a trigger and does what it says; true if the steps are over.
func (m *machine) fire(i int) bool {
	source := dut.Model
	if m.armed[i].When == dut.AtEvent {
		source = dut.Doorbell
	}
	m.fired[i].Fired, m.fired[i].Moment = true, dut.Moment{NS: m.now, WireByte: m.offset(), Source: source}
	switch m.armed[i].Do {
	case dut.Stop, dut.PowerCut:
		m.stopped = i
		return true
	case dut.NMI:
		m.play(m.s.NMI)
		if m.stopped < 0 {
			m.until(math.MaxInt64 / 2)
		}
		return true
	}
	return false
}

// offset is how many bytes had left, if this board can say so.
func (m *machine) offset() dut.Offset {
	if m.s.lacks(Offsets) {
		return dut.Unknown
	}
	return dut.Offset(m.log.Len())
}

// ring is what was stored until now.
func (m *machine) ring() *ring.Log {
	return &ring.Log{Release: m.s.Release, Records: m.records, NextSeq: uint64(len(m.records))}
}
