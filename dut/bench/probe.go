// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"fmt"
	"time"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/kernels/plan"
)

// probe finds on the wire what a doorbell would tell: when the guest's plan began, and when it provoked.
//
// The first line of the backlog is on the wire at once, because nothing else is pending: a legacy console is held while records are stored
// and sends when they are, one with a thread of its own sends while they are stored. From there the provocation is the plan's delay away.
// How long it took to store the records is told by their own times, once their lines are there.
type probe struct {
	plan  *plan.Plan
	log   *wire.Log
	from  int64 // searched up to here
	armed moment
	first *moment // where the backlog's first line begins
}

// look finds the backlog's first line among n bytes. Without a backlog the plan begins with the report.
func (p *probe) look(n int64) {
	if p.first != nil || p.plan == nil {
		return
	}
	if p.plan.Backlog == 0 {
		p.first = &p.armed
		return
	}
	word := fmt.Appendf(nil, "%s %s b ", plan.Word0, p.plan.RunID)
	data := p.log.Bytes(p.from, n)
	k := bytes.Index(data, word)
	if k < 0 {
		p.from = max(p.from, n-int64(len(word))+1)
		return
	}
	at := p.from + int64(k)
	begin := p.log.Bytes(max(0, at-linePrefix), at)
	at -= int64(len(begin) - (bytes.LastIndexByte(begin, '\n') + 1))
	ns, _ := p.log.TimeAt(at)
	p.first = &moment{ns, at}
}

// linePrefix is more than the prefix of a console's line is long.
const linePrefix = 64

// delay is from the stored backlog to the provocation.
func (p *probe) delay() int64 { return int64(p.plan.DelayMS) * int64(time.Millisecond) }

// saw says whether an event must have been, and when. Events that leave no line are never seen.
func (p *probe) saw(code plan.Code, n int64) (moment, dut.Source, bool) {
	if code == plan.Armed {
		return p.armed, dut.OnWire, true
	}
	p.look(n)
	if p.first == nil {
		return moment{}, "", false
	}
	switch code {
	case plan.BacklogBegin, plan.BacklogStored:
		return *p.first, dut.OnWire, true
	case plan.Provoked:
		due, _ := p.expected(code)
		if now() < due {
			return moment{}, "", false
		}
		return moment{due, p.log.OffsetAt(due)}, dut.OnWire, true
	}
	return moment{}, "", false
}

// expected is when an event will be that no byte announces.
func (p *probe) expected(code plan.Code) (ns int64, ok bool) {
	if p.first == nil || code != plan.Provoked {
		return 0, false
	}
	return p.first.ns + p.delay(), true
}

// refine widens the uncertainty of what was told by the backlog's first line by the time that storing it took.
func (p *probe) refine(w *watch) {
	if p.first == nil {
		return
	}
	took, ok := p.storing(w.log)
	for i := range w.fired {
		f := &w.fired[i]
		code := w.armed[i].Code
		if !f.Fired || w.armed[i].When != dut.AtEvent || code == plan.Armed {
			continue
		}
		f.UncertaintyNS = max(f.UncertaintyNS, w.grain(p.first.off+1))
		if !ok {
			took = p.delay() // nobody knows: as long as what follows it
		}
		f.UncertaintyNS += took
	}
}

// storing is by how much the times of the backlog's records on the wire differ, for all of them. ok is false where the lines have no times.
func (p *probe) storing(log *wire.Log) (ns int64, ok bool) {
	var first, last float64
	var firstN, lastN uint32
	n := 0
	for l := range bytes.Lines(log.Bytes(p.first.off, log.Len())) {
		k := bytes.Index(l, []byte(plan.Word0+" "+p.plan.RunID+" b "))
		if k < 0 {
			continue
		}
		r, err := plan.ParseRecord(bytes.TrimRight(l[k:], "\r\n"))
		if err != nil {
			continue
		}
		var s float64
		if _, err := fmt.Sscanf(string(bytes.TrimLeft(l[:k], "[ ")), "%f", &s); err != nil {
			continue
		}
		if n++; n == 1 {
			first, firstN = s, r.N
		}
		last, lastN = s, r.N
	}
	if n < 2 || lastN <= firstN || last < first {
		return 0, false
	}
	return int64((last - first) * 1e9 * float64(p.plan.Backlog) / float64(lastN-firstN)), true
}
