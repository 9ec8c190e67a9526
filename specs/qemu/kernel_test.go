// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"os"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/harness"
	"lastpage/harness/grade"
	. "lastpage/specs/match"
)

// stock is a strategy that comes as one of Debian's kernels, and what is known of it.
type stock struct {
	name  string
	board string
	// inline: the WARN always flushes the backlog in the caller, because the console's owner on the other CPU hands it over. On one CPU
	// there is nobody to take it from who could give it, and a printer thread lets go of it only at certain points of a line: there the
	// WARN is stored in full, or hardly at all.
	inline bool
	// known: the layout of its struct console is.
	known bool
	// stuck: its panic sleeps in a notifier, and never comes to its end.
	stuck  bool
	labels Labels
}

// stocks are those of the default table; the others are tried on request.
var stocks = []stock{
	{name: "legacy", board: "qemu", inline: true, known: true},
	{name: "nbcon-rt", board: "qemu", known: true},
	// Linux 6.1 does not bring up a second CPU on QEMU 7.2 with counted instructions, with or without the model of the UART.
	{name: "legacy-6.1", board: "qemu-smp1", labels: Label("all-kernels")},
	{name: "atomic-rt", board: "qemu-smp1", stuck: true, labels: Label("all-kernels")},
}

const line = 11520 // bytes/s at 115200 baud, 8N1

func init() {
	for _, s := range stocks {
		if len(s.labels) > 0 && os.Getenv("LASTPAGE_ALL_KERNELS") != "1" {
			continue
		}
		Describe(s.name, s.labels, Ordered, ContinueOnFailure, s.holds)
	}
}

// holds states what must hold for it.
func (s stock) holds() {
	var (
		kernel *harness.Subject
		warn   trials
	)
	BeforeAll(func(ctx SpecContext) {
		kernel = subjectOf(ctx, s.board, s.name)
		warn = try(ctx, kernel, "warn-nmi-panic", "share:25%", "share:75%")
	}, NodeTimeout(bootLimit))

	When("a WARN is raised while a backlog is pending and nothing interrupts it", func() {
		It("sends every visible record", func() {
			Expect(warn.reference).To(NotBeVoid())
			Expect(warn.reference).To(BeWholeOnTheWire(grade.Boot, grade.Backlog, grade.Warn))
			Expect(warn.reference).To(HaveNo(grade.Panic))
			Expect(warn.reference).To(HaveStoredAll(grade.Backlog, grade.Warn))
		})
		It("really has a backlog that is pending", func() {
			Expect(warn.reference.Grade.PendingAtProvoke).NotTo(BeNil())
			Expect(warn.reference.Grade.PendingAtProvoke.Records).To(BeNumerically(">", 100))
		})
	})

	When("an NMI panics the machine in the middle of it", func() {
		It("counts, and knows what was to be expected", func() {
			for _, t := range warn.all {
				Expect(t).To(KnowWhatToExpect(grade.Backlog, grade.Warn))
				s.panics(t)
			}
		})
		if s.inline {
			It("has lost a part of the WARN for good: it was never stored", func() {
				for _, t := range warn.all {
					Expect(t).To(HaveNeverStored(grade.Warn))
				}
			})
		}
		It("sends all that was stored, and the whole panic", func() {
			for _, t := range warn.all {
				Expect(t).To(BeOnTheWireAsFarAsStored(grade.Boot, grade.Backlog, grade.Warn))
				Expect(t).To(BeWholeOnTheWire(grade.Backlog))
				s.panics(t)
			}
		})
	})

	It("panics in full, the backlog included", func(ctx SpecContext) {
		t := try(ctx, kernel, "panic").all[0]
		Expect(t).To(BeWholeOnTheWire(grade.Backlog))
		s.panics(t)
		Expect(t).To(HaveNo(grade.Warn))
		Expect(t).To(HaveEveryByteExplained())
		Expect(t).To(HaveLostNoByte())
	}, SpecTimeout(bootLimit))

	It("panics in full when an NMI does it", func(ctx SpecContext) {
		t := try(ctx, kernel, "nmi-panic", "share:50%").all[0]
		Expect(t).To(BeWholeOnTheWire(grade.Backlog))
		s.panics(t)
		Expect(t).To(HaveNo(grade.Warn))
		Expect(t).To(HaveEveryByteExplained())
		Expect(t).To(HaveLostNoByte())
	}, SpecTimeout(bootLimit))

	Context("the wire", func() {
		It("has lost nothing, and every byte of it is explained", func() {
			for _, t := range append(warn.all, warn.reference) {
				Expect(t).To(HaveLostNoByte())
				Expect(t).To(HaveEveryByteExplained())
			}
		})
		It("runs at 115200 baud", func() {
			for _, t := range append(warn.all, warn.reference) {
				Expect(t).To(RunAt(line, 0.001))
			}
		})
	})

	It("has its console in memory, which nobody owns any more", func() {
		for _, t := range append(warn.all, warn.reference) {
			consoles := t.Grade.Ring.Consoles
			if !s.known { // whatever it finds, it must not tell an owner
				for _, c := range consoles {
					Expect(c.Nbcon).To(BeNil())
				}
				continue
			}
			Expect(consoles).To(HaveLen(1))
			Expect(consoles[0].Name).To(Equal("ttyS0"))
			if kernel.Console != "nbcon" {
				Expect(consoles[0].Nbcon).To(BeNil())
				continue
			}
			Expect(consoles[0].Nbcon).NotTo(BeNil())
			Expect(consoles[0].Nbcon.Owner).To(Equal("none"))
			Expect(consoles[0].Nbcon.CPU).To(BeNil())
		}
	})

	Context("the ringbuffer", func() {
		It("is read by vmcore-dmesg as by us", Label("witness"), func(ctx SpecContext) {
			for _, t := range append(warn.all, warn.reference) {
				Expect(vmcoreDmesg(ctx, t)).To(Equal(ourDmesg(ctx, t)))
			}
		}, SpecTimeout(waitLimit))
		It("is read by makedumpfile as by us", Label("witness"), func(ctx SpecContext) {
			for _, t := range append(warn.all, warn.reference) {
				Expect(makedumpfile(ctx, t)).To(Equal(ourDmesg(ctx, t)))
			}
		}, SpecTimeout(waitLimit))
	})
}

// panics states what must hold for a panic that nothing ends but itself.
func (s stock) panics(t *harness.Trial) {
	GinkgoHelper()
	if !s.stuck {
		Expect(t).To(NotBeVoid())
		Expect(t).To(KnowWhatToExpect(grade.Panic))
		Expect(t).To(BeWholeOnTheWire(grade.Panic))
		Expect(t).To(BeOnTheWireAsFarAsStored(grade.Panic))
		return
	}
	Expect(t.Reasons()).To(BeEmpty())
	Expect(t.Grade.Letter).To(BeEmpty(), "no letter for what is not known")
	p := t.Grade.Sections[grade.Panic]
	Expect(p.Complete).To(BeFalse())
	Expect(p.Expected).To(BeNil(), "nobody knows what else it had to say")
	Expect(p.Stored.Records).To(BeNumerically(">", 0))
}
