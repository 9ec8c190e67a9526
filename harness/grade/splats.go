// SPDX-License-Identifier: Apache-2.0

package grade

import (
	"bytes"
	"fmt"
	"strings"

	"lastpage/harness/align"
	"lastpage/harness/foreign"
)

// Splat is one emergency that a kernel nobody provoked had: a WARN, an oops, a lockup, a report of a checker. Its panic is a section, no splat.
type Splat struct {
	Kind  string `json:"kind"`  // warn, bug, oops, hung-task, soft-lockup, hard-lockup, rcu-stall, kasan, ubsan, lockdep
	Title string `json:"title"` // the line that says what happened
	// End is how its end is known: "end trace", "end of the task", "closing line", "crash kexec"; "" if it is not.
	End     string   `json:"end"`
	Section *Section `json:"section"`

	items []int
}

// starts of emergencies and their kinds, by the words that follow "cut here" or begin the report (kernel/panic.c, kernel/hung_task.c,
// kernel/watchdog.c, kernel/rcu/tree_stall.h, kernel/locking/lockdep.c, mm/kasan/report.c, lib/ubsan.c, arch/*/mm/fault.c, arch/*/kernel/traps.c).
var splatKinds = []struct{ words, kind string }{
	{"BUG: KASAN:", "kasan"}, {"BUG: KCSAN:", "kasan"}, {"BUG: KMSAN:", "kasan"}, {"BUG: KFENCE:", "kasan"},
	{"UBSAN:", "ubsan"}, {"watchdog: BUG: soft lockup", "soft-lockup"}, {"BUG: soft lockup", "soft-lockup"},
	{"watchdog: Watchdog detected hard LOCKUP", "hard-lockup"}, {"NMI watchdog: Watchdog detected hard LOCKUP", "hard-lockup"},
	{"rcu: INFO: rcu", "rcu-stall"}, {"INFO: rcu", "rcu-stall"}, {"INFO: task ", "hung-task"},
	{"BUG: unable to handle", "oops"}, {"BUG: kernel NULL pointer", "oops"}, {"general protection fault", "oops"}, {"Oops: ", "oops"},
	{"Unable to handle kernel", "oops"}, {"Internal error: ", "oops"}, {"double fault", "oops"}, {"stack guard page was hit", "oops"},
	{"kernel BUG at ", "bug"}, {"WARNING: possible ", "lockdep"}, {"WARNING: inconsistent lock state", "lockdep"},
	{"WARNING: suspicious RCU usage", "lockdep"}, {"WARNING: bad unlock balance", "lockdep"}, {"WARNING: held lock freed", "lockdep"},
	{"WARNING: ", "warn"}, {"BUG: ", "bug"},
}

// splatKind is the kind of emergency that a line begins; "" for other lines.
func splatKind(text []byte) string {
	for _, k := range splatKinds {
		if bytes.HasPrefix(text, []byte(k.words)) {
			return k.kind
		}
	}
	return ""
}

// rule: a row of '=' as reports are framed with.
func rule(text []byte) bool {
	return len(text) >= 20 && len(bytes.Trim(text, "=")) == 0
}

// quietGap is the pause after which a record is no part of a report that has no end of its own, ns.
const quietGap = 500e6

// findSplats follows every emergency from its first line to its end. The first one is the section warn, the others are other.
func (j *judge) findSplats() (all []*Splat) {
	s := j.s
	inside := map[int]bool{}
	for i := range s.items {
		it := &s.items[i]
		if inside[i] || it.section == Panic || len(all) >= maxFirst {
			continue
		}
		kind, title := splatKind(it.text), i
		if it.starts(cutHere) || rule(it.text) {
			if title = j.follows(i); title < 0 {
				title = i // nothing more of it was stored
			}
			if kind = splatKind(s.items[title].text); kind == "" {
				if !it.starts(cutHere) {
					continue
				}
				kind = "warn" // a WARN with a message of its own: that comes first
			}
		}
		if kind == "" {
			continue
		}
		sp := &Splat{Kind: kind, Title: strings.ToValidUTF8(string(bytes.TrimSpace(s.items[title].text)), "?")}
		sp.items, sp.End = j.follow(i, title, kind)
		for _, k := range sp.items {
			inside[k] = true
		}
		all = append(all, sp)
	}
	for n, sp := range all {
		name := Other
		if n == 0 {
			name, s.warnAt, s.warnEnd = Warn, sp.items[0], sp.End != ""
		}
		for _, k := range sp.items {
			s.items[k].section = name
		}
	}
	return all
}

// follows is the next record of the same caller, -1 if it is far.
func (j *judge) follows(i int) int {
	for k := i + 1; k < len(j.s.items) && k < i+64; k++ {
		if it := &j.s.items[k]; it.same(&j.s.items[i]) && it.Storage != align.Reserved {
			return k
		}
	}
	return -1
}

// follow lists the records of the emergency that begins at i and says what is at title.
func (j *judge) follow(i, title int, kind string) (run []int, end string) {
	first := &j.s.items[i]
	task, last := -1, j.time(i)
	for k := i; k < len(j.s.items) && k < i+maxRun; k++ {
		it := &j.s.items[k]
		if !it.same(first) || it.section == Backlog || !it.known && it.Storage == align.Reserved {
			continue
		}
		if it.section == Panic || k > title && (it.starts(cutHere) || splatKind(it.text) != "" && splatKind(it.text) != kind && kind != "oops" && kind != "bug") {
			break
		}
		if now := j.time(k); now > last+quietGap && last >= 0 && task >= 0 {
			break // the report was over
		} else if now >= 0 {
			last = now
		}
		run = append(run, k)
		switch {
		case it.starts(endTrace):
			return run, "end trace"
		case rule(it.text) && k > title && kind == "kasan":
			return run, "closing line"
		case bytes.HasSuffix(it.text, []byte("</TASK>")):
			task = len(run)
		}
	}
	if task >= 0 && kind != "warn" && kind != "oops" && kind != "bug" {
		return run[:task], "end of the task"
	}
	if j.handsOver() && len(run) > 0 && j.s.panicAt < 0 && j.lastOf(run[len(run)-1]) {
		return run, "crash kexec"
	}
	return run, ""
}

// lastOf: no record of the same caller follows.
func (j *judge) lastOf(k int) bool {
	for n := k + 1; n < len(j.s.items); n++ {
		if j.s.items[n].same(&j.s.items[k]) {
			return false
		}
	}
	return true
}

// handsOver: the kernel was to hand over to a crash kernel when it dies, and that says no word of its own in this log.
func (j *judge) handsOver() bool {
	return j.in.Ring != nil && strings.Contains(foreign.CommandLine(j.in.Ring.Records), "crashkernel=")
}

func (j *judge) time(i int) int64 {
	if r := j.s.items[i].Rec; r >= 0 && j.s.items[i].known {
		return int64(j.in.Ring.Records[r].TsNsec)
	}
	return j.s.items[i].TimeNS
}

// splats judges each of them.
func (j *judge) splats(all []*Splat) {
	for _, sp := range all {
		member := map[int]bool{}
		for _, k := range sp.items {
			member[k] = true
		}
		s, held, holes := j.tally(func(i int) bool { return member[i] })
		if s.Complete = sp.End != ""; s.Complete && holes == 0 {
			s.Expected, s.ExpectedFrom = &held, FromComplete
			if sp.End == "crash kexec" {
				s.ExpectedFrom = FromDeath
			}
		}
		j.lost(s, held)
		s.Letter = sectionLetter(s)
		sp.Section = s
	}
	j.g.Splats = all
}

// stray gives the letter of a boot that nobody provoked: that of its worst splat or its panic, and of the boot if there is neither. Without
// a dump there is none: the kernel may have lost what nobody knows of.
func (j *judge) stray() {
	g := j.g
	if j.x == nil {
		return
	}
	if g.Ring == nil {
		if g.Letter = ""; len(g.Void) == 0 {
			g.Why = "there is no dump: what the kernel stored and did not send is not known"
		}
		for _, s := range g.Sections {
			s.Letter = ""
		}
		for _, sp := range g.Splats {
			sp.Section.Letter = ""
		}
		return
	}
	if len(g.Void) > 0 {
		for _, sp := range g.Splats {
			sp.Section.Letter = ""
		}
		return
	}
	worst, why := "", ""
	for n, sp := range g.Splats {
		name := fmt.Sprintf("%s %d", sp.Kind, n+1)
		if sp.Section.Letter == "" {
			g.Letter, g.Why = "", name+": "+sp.Section.open()
			return
		}
		if sp.Section.Letter > worst {
			worst, why = sp.Section.Letter, name
		}
	}
	if p := g.Sections[Panic]; !p.Fates.None() {
		if p.Letter == "" {
			g.Letter, g.Why = "", Panic+": "+p.open()
			return
		}
		if p.Letter > worst {
			worst, why = p.Letter, Panic
		}
	}
	if worst == "" {
		return // the boot alone, or a provoked trial whose index is not there
	}
	if b := g.Sections[Backlog]; b.Letter != "" && milder(b.Letter) > worst {
		worst, why = milder(b.Letter), Backlog
	}
	g.Letter, g.Why = worst, why
	if b := g.Sections[Boot]; b.Letter > "A" {
		g.Notes = append(g.Notes, fmt.Sprintf("boot is %s: %s", b.Letter, b.Fates))
	}
}

// open says why a section has no letter.
func (s *Section) open() string {
	if s.unsure.Records > 0 {
		return fmt.Sprintf("what became of %d of its records is not known", s.unsure.Records)
	}
	return "what was to be expected is not known"
}
