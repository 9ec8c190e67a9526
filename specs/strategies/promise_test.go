// SPDX-License-Identifier: Apache-2.0

package strategies_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/harness"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// promise is a statement about trials of one strategy, and the mutant that must break it.
type promise struct {
	text     string
	strategy string
	scenario string
	injects  []string // one trial each
	board    string   // "": two CPUs
	nested   plan.Nested
	mutant   string
	judge    func(ctx context.Context, t *harness.Trial) verdict
}

var promises = []promise{
	// Interrupted at the first instruction of the flush, and in its middle.
	{text: "an interrupted emergency is wholly stored before any byte of its flush", strategy: "deferred",
		scenario: "warn-nmi-panic", injects: []string{"symbol:nbcon_atomic_flush_pending", "share:50%"},
		mutant: "deferred-flushes-early", judge: storedWhole},
	{text: "an emergency that has ended was sent", strategy: "deferred",
		scenario: "warn", mutant: "deferred-forgets", judge: sentWhenDone},
	{text: "panic is synchronous: nothing older than the last record is missing when the machine dies", strategy: "deferred",
		scenario: "panic-dies-in:notifier-first", mutant: "deferred-panic-stores", judge: nothingUnsent(grade.Panic, plan.Die)},
	{text: "what an oops stored is sent before a crash kernel takes over", strategy: "deferred",
		scenario: "oops-crash-exec", mutant: "deferred-misses-crash-exec", judge: nothingUnsent(grade.Warn, plan.CrashExec)},
	{text: "nothing older than the point after the message is missing when the machine dies in a notifier", strategy: "explicit",
		scenario: "panic-dies-in:notifier-first", mutant: "explicit-misses-message", judge: nothingUnsent(grade.Panic, plan.Die)},
	// A notifier that WARNs gives the point after the notifiers something to send.
	{text: "nothing older than the point after the notifiers is missing when the machine dies in a dumper", strategy: "explicit",
		scenario: "panic-dies-in:kmsg-dump", nested: plan.NestedWarn,
		mutant: "explicit-misses-notifiers", judge: nothingUnsent(grade.Panic, plan.Mark, plan.Die)},
	{text: "nobody but the printer threads prints in an emergency", strategy: "kthread-only", board: "qemu-smp1",
		scenario: "warn", mutant: "kthread-only-flushes", judge: silentWhileProvoked},
	{text: "the emergency's own records come before the backlog", strategy: "newest-first",
		scenario: "warn", mutant: "newest-first-backlog-first", judge: ownFirst},
}

var _ = Describe("the promise of a strategy", func() {
	for _, p := range promises {
		Describe(p.strategy+": "+p.text, func() {
			It("is kept by the kernel with the strategies", func(ctx SpecContext) {
				p.verdictIs(ctx, "", isKept)
			}, SpecTimeout(limit))
			It("is broken by "+p.mutant, func(ctx SpecContext) {
				p.verdictIs(ctx, p.mutant, isBroken)
			}, SpecTimeout(limit))
		})
	}
})

// verdictIs tries the promise on a kernel; the report always says what was found.
func (p *promise) verdictIs(ctx context.Context, mutant string, want outcome) {
	GinkgoHelper()
	var vs []verdict
	for _, t := range p.trials(ctx, mutant) {
		vs = append(vs, p.judge(ctx, t))
	}
	v := together(vs)
	AddReportEntry(string(v.is), ReportEntryVisibilityAlways, v.why)
	Expect(v.is).To(Equal(want), v.why)
}

var _ = Describe("the mutants", func() {
	It("each break one promise, and none is forgotten", func() {
		var named []string
		for _, p := range promises {
			named = append(named, p.mutant)
		}
		Expect(named).To(ConsistOf(mutants()))
	})
})
