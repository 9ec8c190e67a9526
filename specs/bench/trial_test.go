// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"context"
	"os"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/dut"
	"lastpage/harness"
	"lastpage/harness/grade"
	"lastpage/specs/kit"
	"lastpage/specs/parts"
)

// tries are how often a trial is made that was void: in host time a host that stalls takes bytes from the line, and that is found out.
const tries = 4

// interrupted makes one trial of a scenario on a lab's board, interrupted in the middle of its backlog.
func interrupted(ctx context.Context, l *kit.Lab, scenario string) *harness.Trial {
	GinkgoHelper()
	return conducted(ctx, l, scenario, "share:30%", true)
}

// dead makes one trial of a scenario whose board has a dump only of a machine that died: there is no reference for it.
func dead(ctx context.Context, l *kit.Lab, scenario string) *harness.Trial {
	GinkgoHelper()
	return conducted(ctx, l, scenario, "byte:20000", false)
}

func conducted(ctx context.Context, l *kit.Lab, scenario, at string, reference bool) *harness.Trial {
	GinkgoHelper()
	s, err := l.Subject(ctx, "legacy")
	Expect(err).NotTo(HaveOccurred())
	defer s.Bench.Rest()
	sc, err := harness.FindScenario(scenario)
	Expect(err).NotTo(HaveOccurred())
	inject, err := harness.ParseInject(at)
	Expect(err).NotTo(HaveOccurred())
	o := harness.Series{Scenario: sc, Injects: []harness.Inject{inject}, Retries: tries - 1}
	dir, err := os.MkdirTemp(l.Dir, scenario+"-")
	Expect(err).NotTo(HaveOccurred())
	var ref *harness.Trial
	if reference {
		var voids []harness.Voided
		ref, voids, err = o.Valid(ctx, s, harness.Try{Reference: true}, dir, "reference")
		Expect(err).NotTo(HaveOccurred())
		Expect(ref).NotTo(BeNil(), "void: %v", voids)
	}
	t, voids, err := o.Valid(ctx, s, harness.Try{Inject: &inject, Ref: ref}, dir, "trial")
	Expect(err).NotTo(HaveOccurred())
	Expect(t).NotTo(BeNil(), "void: %v", voids)
	return t
}

// fates are what must be the same on every board for one kernel and one strategy: the backlog to the record, and what became of the panic.
// Whether an NMI falls into a line, which is then torn and sent once more, or between two, is the moment's and not the board's. So is how
// many records the panic has: it names the machine's hardware, its registers and its stack.
func fates(t *harness.Trial) map[string]any {
	g := t.Grade
	backlog, panicked := g.Sections[grade.Backlog], g.Sections[grade.Panic]
	return map[string]any{
		"letter": g.Letter, "backlog whole": backlog.Fates.Intact + backlog.Fates.Replayed, "backlog missing": backlog.Fates.Missing, "backlog expected": *backlog.Expected, "backlog stored": *backlog.Stored,
		"backlog on the wire": *backlog.Wire, "panic complete": panicked.Complete, "panic letter": panicked.Letter,
		"panic torn": panicked.Fates.Torn, "panic missing": panicked.Fates.Missing, "panic garbled": panicked.Fates.Garbled,
		"dropped": g.Console.Dropped, "release": g.Ring.Release,
	}
}

// direct are the fates of the direct QEMU board's trial of a scenario, which is made once.
func direct(ctx context.Context, scenario string) map[string]any {
	GinkgoHelper()
	if directs[scenario] == nil {
		directs[scenario] = fates(interrupted(ctx, &kit.Lab{Dir: evidence, Board: "qemu-smp1", Progress: GinkgoWriter}, scenario))
	}
	return directs[scenario]
}

var directs = map[string]map[string]any{}

var _ = Describe("a board of parts", Label("bench"), Ordered, func() {
	var l *kit.Lab
	BeforeAll(func() { _, l = board(parts.Plain) })

	DescribeTable("is conducted from an order to a grade that has the sections and fates of the direct QEMU board",
		func(ctx SpecContext, scenario string) {
			t := interrupted(ctx, l, scenario)
			Expect(fates(t)).To(Equal(direct(ctx, scenario)))

			By("saying who saw each moment, how wrong that may be, and how late we were")
			Expect(t.Provoked.Source).To(Equal(dut.OnWire))
			Expect(t.Provoked.UncertaintyNS).To(BeNumerically(">", 0))
			for _, f := range t.Fired {
				if f.Name == "inject" {
					Expect(f.Source).To(Equal(dut.Host))
					Expect(f.LateNS).NotTo(BeNil())
					Expect(*f.LateNS).To(BeNumerically(">", 0))
				}
			}
			Expect(t.Grade.PendingAtInject.Records).To(BeNumerically(">", 0), "nothing was pending when it was interrupted")
			Expect(t.Lacks).To(ContainElement(ContainSubstring("no doorbell")))
		},
		Entry("BREAK and c", SpecTimeout(bootLimit), "break-panic"),
		Entry("the diagnostic button", SpecTimeout(bootLimit), "nmi-panic"),
	)
})
