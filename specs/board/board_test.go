// SPDX-License-Identifier: Apache-2.0

package board_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/dut"
	"lastpage/harness"
	"lastpage/harness/grade"
	"lastpage/lab"
	"lastpage/specs/kit"
	. "lastpage/specs/match"
)

// retries are how often a trial is made again that was void: in host time a host that stalls takes bytes from the line, and that is found out.
const retries = 3

// bench is a board with a strategy that is ready to be tried on it.
type bench struct {
	board   *lab.Board
	lab     *kit.Lab
	subject *harness.Subject
}

// describe states what must hold for strategies on a board.
func describe(board *lab.Board, strategies []string) {
	Describe(board.Name, Label("board:"+board.Name), Ordered, ContinueOnFailure, func() {
		BeforeAll(func(ctx SpecContext) {
			hold, err := board.Hold(ctx, "specs/board", leaseLimit, func(held *lab.HeldError) { GinkgoWriter.Println("waiting:", held) })
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(func() { Expect(hold.Release()).To(Succeed()) })
		}, NodeTimeout(leaseLimit))
		for _, s := range strategies {
			describeStrategy(board, s)
		}
	})
}

// describeStrategy states it for one of them.
func describeStrategy(board *lab.Board, strategy string) {
	Context("with "+strategy, Label("strategy:"+strategy), func() {
		b := &bench{board: board}
		BeforeAll(func(ctx SpecContext) {
			b.lab = &kit.Lab{Dir: evidence, Board: board.Name, Inventory: *inventory, Progress: GinkgoWriter}
			var err error
			b.subject, err = b.lab.Subject(ctx, strategy)
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(b.subject.Bench.Rest)
		}, NodeTimeout(bootLimit))

		It("sends every record of a WARN that nothing interrupts, after the backlog that was pending", Label("scenario:warn"), func(ctx SpecContext) {
			t := b.try(ctx, "warn", "")
			Expect(t).To(NotBeVoid())
			Expect(t).To(BeWholeOnTheWire(grade.Boot, grade.Backlog, grade.Warn))
			Expect(t).To(HaveStoredAll(grade.Backlog, grade.Warn))
			Expect(t).To(HaveNo(grade.Panic))
			Expect(t.Grade.PendingAtProvoke).NotTo(BeNil())
			Expect(t.Grade.PendingAtProvoke.Records).To(BeNumerically(">", 100))
		}, SpecTimeout(bootLimit))

		It("panics in full, the backlog included", Label("scenario:panic"), func(ctx SpecContext) {
			panics(b.try(ctx, "panic", ""))
		}, SpecTimeout(bootLimit))

		It("panics in full when an NMI does it", Label("scenario:nmi-panic"), func(ctx SpecContext) {
			interrupted(b.try(ctx, "nmi-panic", "share:50%"))
		}, SpecTimeout(bootLimit))

		It("panics in full when BREAK and c do it", Label("scenario:break-panic"), func(ctx SpecContext) {
			interrupted(b.try(ctx, "break-panic", "share:30%"))
		}, SpecTimeout(bootLimit))

		It("sends what was stored of a WARN in which an NMI panics the machine, and the whole panic", Label("scenario:warn-nmi-panic"), func(ctx SpecContext) {
			t := b.try(ctx, "warn-nmi-panic", "share:25%")
			Expect(t).To(NotBeVoid())
			Expect(t).To(KnowWhatToExpect(grade.Backlog, grade.Warn, grade.Panic))
			Expect(t).To(BeOnTheWireAsFarAsStored(grade.Boot, grade.Backlog, grade.Warn, grade.Panic))
			Expect(t).To(BeWholeOnTheWire(grade.Backlog, grade.Panic))
		}, SpecTimeout(bootLimit))
	})
}

// panics: everything that was pending and the whole panic are on the wire.
func panics(t *harness.Trial) {
	GinkgoHelper()
	Expect(t).To(NotBeVoid())
	Expect(t).To(BeWholeOnTheWire(grade.Backlog, grade.Panic))
	Expect(t).To(HaveNo(grade.Warn))
}

// interrupted: the same, and something was pending when we came.
func interrupted(t *harness.Trial) {
	GinkgoHelper()
	panics(t)
	Expect(t.Grade.PendingAtInject).NotTo(BeNil())
	Expect(t.Grade.PendingAtInject.Records).To(BeNumerically(">", 0))
}

// try makes one trial that counts, with the reference that it needs. What the board has no way to do is skipped, with the reason.
func (b *bench) try(ctx context.Context, scenario, moment string) *harness.Trial {
	GinkgoHelper()
	sc, err := harness.FindScenario(scenario)
	Expect(err).NotTo(HaveOccurred())
	o := harness.Series{Scenario: sc, Retries: retries}
	if moment != "" {
		in, err := harness.ParseInject(moment)
		Expect(err).NotTo(HaveOccurred())
		o.Injects = []harness.Inject{in}
	}
	var cannot *dut.CannotError
	if err := o.Can(b.subject); errors.As(err, &cannot) {
		Skip(cannot.Error())
	} else {
		Expect(err).NotTo(HaveOccurred())
	}
	dir, err := os.MkdirTemp(b.lab.Dir, fmt.Sprintf("%s-%s-%s-", b.board.Name, b.subject.Strategy, scenario))
	Expect(err).NotTo(HaveOccurred())
	var ref *harness.Trial
	if sc.WantsReference() {
		ref = b.valid(ctx, &o, harness.Try{Reference: true}, dir, "reference")
	}
	return b.valid(ctx, &o, harness.Try{Inject: o.Inject(0), Ref: ref}, dir, "trial")
}

func (b *bench) valid(ctx context.Context, o *harness.Series, a harness.Try, dir, name string) *harness.Trial {
	GinkgoHelper()
	t, voids, err := o.Valid(ctx, b.subject, a, dir, name)
	if cannot := (*dut.CannotError)(nil); errors.As(err, &cannot) {
		Skip(cannot.Error()) // what only a reference tells: a share of a backlog that nobody measured
	}
	Expect(err).NotTo(HaveOccurred())
	for _, v := range voids {
		AddReportEntry("void: "+v.Dir, strings.Join(v.Why, "; "))
	}
	Expect(t).NotTo(BeNil(), "void: %v", voids)
	var text strings.Builder
	Expect(grade.WriteText(&text, t.Grade)).To(Succeed())
	AddReportEntry(strings.TrimPrefix(t.Dir(), evidence+"/"), text.String(), ReportEntryVisibilityFailureOrVerbose)
	return t
}
