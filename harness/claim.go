// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"strings"

	"lastpage/dut"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// Claim is the number of a claim of docs/findings.md; 0 is none.
type Claim int

// Claims are their headings, from 1 on.
var Claims = []string{
	"The backlog matters in an emergency",
	"An emergency should store its whole message before anything is flushed",
	"Deferring has its own risk",
	"In panic, deferring is wrong",
	"Explicit flush points are whack-a-mole",
	"The one gain of explicit flushing: crash_exec is not delayed",
	"In panic the kthread cannot help",
	"A very long backlog is a corner case",
	"A half-sent last page is worth more than none",
	"Interrupting an emergency is the only nesting problem",
	"The unsafe last flush gets messages out that nothing else could",
}

// String is the heading.
func (c Claim) String() string {
	if c < 1 || int(c) > len(Claims) {
		return ""
	}
	return Claims[c-1]
}

const (
	claimStoreFirst = 2
	claimDeferring  = 3
	claimPanic      = 4
	claimExplicit   = 5
	claimThread     = 7
	claimFlood      = 8
	claimHalfSent   = 9
	claimNesting    = 10
	claimLastFlush  = 11
)

// claim is the claim that a class of loss in a section belongs to, by what was done in this trial and seen of it. A loss of which no claim
// speaks has none.
func (t *Trial) claim(class LossClass, section string) Claim {
	p := t.Order.Plan
	_, door := t.fired(trigDoor)
	_, interrupted := t.Injected()
	switch {
	case class == Torn:
		return claimHalfSent
	case class == NotStored && section == grade.Warn && p.FloodUS > 0:
		return claimFlood
	case class == NotStored && section == grade.Warn && interrupted:
		return claimStoreFirst
	case class != NotSent:
		return 0
	case door:
		return claimLastFlush
	case p.Nested == plan.NestedOops || p.Nested == plan.NestedWarn || p.Nested == plan.NestedPanicOther:
		return claimNesting
	case section == grade.Panic && strings.Contains(t.Order.Cmdline, "printk.flush=kthread-only"):
		return claimThread
	case section == grade.Panic && strings.Contains(t.Order.Cmdline, "printk.flush=explicit"):
		return claimExplicit
	case t.rang(plan.PanicCall) || t.rang(plan.NotifierFirst) || section == grade.Panic:
		return claimPanic
	case interrupted && (t.did(dut.PowerCut) || t.did(dut.Reset)):
		return claimDeferring
	}
	return 0
}

func (t *Trial) rang(c plan.Code) bool {
	for _, e := range t.Events {
		if e.Code == c {
			return true
		}
	}
	return false
}

// did says whether the interruption was of that kind.
func (t *Trial) did(do dut.Do) bool {
	for _, x := range t.Order.Triggers {
		if x.Name == trigInject {
			return x.Do == do
		}
	}
	return false
}
