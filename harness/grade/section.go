// SPDX-License-Identifier: Apache-2.0

package grade

import (
	"bytes"

	"lastpage/capture/ring"
	"lastpage/harness/align"
	"lastpage/kernels/plan"
)

// item is one entry of the alignment with what is needed to place it.
type item struct {
	*align.Entry
	text    []byte
	caller  uint32
	known   bool // caller is
	backlog *plan.Record
	section string
}

// First words of an emergency (kernel/panic.c, arch/x86, kernel/watchdog.c,
// kernel/rcu, kernel/locking/lockdep.c) ...
const cutHere = "------------[ cut here ]------------"

var emergency = []string{cutHere, "BUG: ", "Oops: ", "watchdog: BUG: soft lockup", "watchdog: Watchdog detected hard LOCKUP",
	"INFO: rcu", "rcu: INFO: rcu", "INFO: task ", "=============================\nWARNING: ", "WARNING: "}

// ... its end (print_oops_end_marker), and the first and last words of panic().
const (
	endTrace   = "---[ end trace "
	panicFirst = "Kernel panic - not syncing"
	panicEnd   = "---[ end Kernel panic"
	rebooting  = "Rebooting in "
)

// What x86 says before it panics in an NMI (arch/x86/kernel/nmi.c).
var nmi = []string{"Uhhuh. NMI received", "NMI: ", "Do you have a strange power saving mode enabled?"}

const nmiSurvived = "Dazed and confused"

// sorted is all records in order, each with its section.
//
// The rule. backlog: the probe's own records of kind b and of this run,
// wherever they are. panic: from the first "Kernel panic" record, and the NMI's
// own lines of the same caller in front of it, every record of that caller.
// warn: of the emergency that was provoked, every record of its caller from
// the first line to its end trace, or to the panic if that has the same caller;
// the provoked one is that which names the run, otherwise the first after the
// backlog, otherwise the last before the panic. boot: what is left before the
// first record of those three. other: what is left after it.
// A caller is known only where the ring has the record; where it is not, every
// record in the stretch belongs. A reserved record goes with the one before it.
type sorted struct {
	items     []item
	warnAt    int // index of the first record; -1
	panicAt   int
	firstAt   int  // of the first record that is not boot; len(items) if all are
	warnEnd   bool // the end trace is among them
	panicEnd  bool
	otherRuns int // probe records of another run
}

func sortSections(entries []align.Entry, recs []ring.Record, runID string, warnPlanned bool) *sorted {
	s := &sorted{items: make([]item, len(entries)), warnAt: -1, panicAt: -1, firstAt: len(entries)}
	lastBacklog := -1
	for i := range entries {
		e := &entries[i]
		it := item{Entry: e, text: e.Text}
		if e.Rec >= 0 {
			r := &recs[e.Rec]
			it.caller, it.known = r.Caller, r.State.Stored() || r.State == ring.Reusable && r.TsNsec > 0
			if len(r.Text) > 0 {
				it.text = r.Text
			}
		}
		if r, err := plan.ParseRecord(it.text); err == nil {
			if r.RunID != runID {
				s.otherRuns++
			} else if r.Kind == plan.KindBacklog {
				it.backlog = &r
			}
		}
		if it.backlog != nil || tornBacklog(&it, runID) {
			it.section = Backlog
			lastBacklog = i
		}
		s.items[i] = it
	}
	s.adoptBacklog()
	s.findPanic()
	if warnPlanned {
		s.findWarn(runID, lastBacklog)
	}
	return s
}

// rest puts what is in no section yet into boot or other.
func (s *sorted) rest() {
	for i := range s.items {
		if s.items[i].section != "" {
			s.firstAt = i
			break
		}
	}
	for i := range s.items {
		if it := &s.items[i]; it.section == "" {
			it.section = Boot
			if i > s.firstAt {
				it.section = Other
			}
			if i > 0 && !it.known && it.Storage == align.Reserved {
				it.section = s.items[i-1].section
			}
		}
	}
}

// adoptBacklog adds the records whose text was overwritten to the backlog when
// its caller stored them: the probe's thread prints nothing else.
func (s *sorted) adoptBacklog() {
	var of *item
	for i := range s.items {
		if it := &s.items[i]; it.backlog != nil && it.known {
			of = it
			break
		}
	}
	if of == nil {
		return
	}
	for i := range s.items {
		if it := &s.items[i]; it.section == "" && it.known && it.text == nil && it.Storage == align.Overwritten && it.caller == of.caller {
			it.section = Backlog
		}
	}
}

// tornBacklog: only the wire has something of it, and only a beginning.
func tornBacklog(it *item, runID string) bool {
	return it.Storage != align.Stored && runID != "" && bytes.HasPrefix(it.text, []byte(plan.Word0+" "+runID+" b "))
}

func (a *item) same(b *item) bool { return !a.known || !b.known || a.caller == b.caller }

func (it *item) starts(words ...string) bool {
	for _, w := range words {
		if bytes.HasPrefix(it.text, []byte(w)) {
			return true
		}
	}
	return false
}

func (s *sorted) findPanic() {
	for i := range s.items {
		if s.items[i].starts(panicFirst) {
			s.panicAt = i
			break
		}
	}
	if s.panicAt < 0 {
		s.panicAt = s.openNMI()
		if s.panicAt < 0 {
			return
		}
	} else {
		p := &s.items[s.panicAt]
		for i := s.panicAt - 1; i >= 0; i-- {
			it := &s.items[i]
			if !it.same(p) || it.section == Backlog {
				continue
			}
			if !it.starts(nmi...) {
				break
			}
			s.panicAt = i
		}
	}
	p := &s.items[s.panicAt]
	for i := s.panicAt; i < len(s.items); i++ {
		if it := &s.items[i]; it.section == "" && it.same(p) && (it.known || it.Storage != align.Reserved) {
			it.section = Panic
			s.panicEnd = s.panicEnd || it.starts(panicEnd, rebooting)
		}
	}
}

// Survived says whether the kernel took an NMI after the run's backlog and went on: the machine heard it, and what follows is the kernel's own.
func Survived(log *ring.Log, runID string) bool {
	begun, came := false, false
	for i := range log.Records {
		text := log.Records[i].Text
		if r, err := plan.ParseRecord(text); err == nil && r.RunID == runID {
			begun, came = true, false
		}
		came = came || begun && bytes.HasPrefix(text, []byte(nmi[0]))
		if came && bytes.HasPrefix(text, []byte(nmiSurvived)) {
			return true
		}
	}
	return false
}

// openNMI finds an NMI that the kernel neither survived nor had the time to
// call a panic.
func (s *sorted) openNMI() int {
	at := -1
	for i := range s.items {
		if s.items[i].starts(nmi[0]) {
			at = i
		} else if s.items[i].starts(nmiSurvived) {
			at = -1
		}
	}
	return at
}

// Bounds of the search for emergencies: how many records are looked at after
// a first line, and how many first lines are followed.
const (
	maxRun   = 4096
	maxFirst = 1024
)

func (s *sorted) findWarn(runID string, lastBacklog int) {
	named := []byte(plan.Word0 + " " + runID + " provoked warning")
	best, bestRun, tries := -1, []int(nil), 0
	inside := map[int]bool{} // records of emergencies already followed
	for i := range s.items {
		it := &s.items[i]
		if it.section != "" || inside[i] || !it.starts(emergency...) {
			continue
		}
		if tries++; tries > maxFirst {
			break
		}
		run := s.run(i)
		for _, k := range run {
			inside[k] = true
		}
		if runID != "" && s.names(run, named) {
			best, bestRun = i, run
			break
		}
		if i > lastBacklog && (best < 0 || lastBacklog < 0 && (s.panicAt < 0 || i < s.panicAt)) {
			best, bestRun = i, run
		}
	}
	s.warnAt = best
	for _, k := range bestRun {
		s.items[k].section = Warn
		s.warnEnd = s.warnEnd || s.items[k].starts(endTrace)
	}
}

// run lists the records of the emergency whose first line is i.
func (s *sorted) run(i int) (run []int) {
	first := &s.items[i]
	for k := i; k < len(s.items) && k < i+maxRun; k++ {
		it := &s.items[k]
		if !it.same(first) || it.section == Backlog || !it.known && it.Storage == align.Reserved {
			continue
		}
		if it.section == Panic || k > i && it.starts(cutHere) {
			break
		}
		run = append(run, k)
		if it.starts(endTrace) {
			break
		}
	}
	return run
}

func (s *sorted) names(run []int, words []byte) bool {
	for _, k := range run {
		if bytes.Contains(s.items[k].text, words) {
			return true
		}
	}
	return false
}
