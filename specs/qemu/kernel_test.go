package qemu_test

import (
	"os"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/harness"
	"lastpage/harness/grade"
	. "lastpage/specs/match"
)

// strategies are those of the default table; the others are tried on request.
var strategies = []struct {
	name  string
	board string
	// inline: the WARN always flushes the backlog in the caller, because the console's owner on the other CPU hands it over. On one CPU
	// there is nobody to take it from who could give it, and a printer thread lets go of it only at certain points of a line: there the
	// WARN is stored in full, or hardly at all.
	inline bool
	// known: the layout of its struct console is.
	known  bool
	labels Labels
}{
	{"legacy", "qemu", true, true, nil},
	{"nbcon-rt", "qemu", false, true, nil},
	// Linux 6.1 does not bring up a second CPU on QEMU 7.2 with counted instructions, with or without the model of the UART.
	{"legacy-6.1", "qemu-smp1", false, false, Label("all-kernels")},
	{"atomic-rt", "qemu-smp1", false, false, Label("all-kernels")},
}

const line = 11520 // bytes/s at 115200 baud, 8N1

func init() {
	for _, s := range strategies {
		if len(s.labels) > 0 && os.Getenv("LASTPAGE_ALL_KERNELS") != "1" {
			continue
		}
		Describe(s.name, s.labels, Ordered, ContinueOnFailure, func() { aStockKernel(s.name, s.board, s.inline, s.known) })
	}
}

func aStockKernel(strategy, board string, inline, known bool) {
	var (
		kernel harness.Subject
		warn   trials
	)
	BeforeAll(func(ctx SpecContext) {
		kernel = subjectOf(ctx, board, strategy)
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
				Expect(t).To(NotBeVoid())
				Expect(t).To(KnowWhatToExpect(grade.Backlog, grade.Warn, grade.Panic))
			}
		})
		if inline {
			It("has lost a part of the WARN for good: it was never stored", func() {
				for _, t := range warn.all {
					Expect(t).To(HaveNeverStored(grade.Warn))
				}
			})
		}
		It("sends all that was stored, and the whole panic", func() {
			for _, t := range warn.all {
				Expect(t).To(BeOnTheWireAsFarAsStored(grade.Boot, grade.Backlog, grade.Warn, grade.Panic))
				Expect(t).To(BeWholeOnTheWire(grade.Backlog, grade.Panic))
			}
		})
	})

	It("panics in full, the backlog included", func(ctx SpecContext) {
		t := try(ctx, kernel, "panic").all[0]
		Expect(t).To(NotBeVoid())
		Expect(t).To(BeWholeOnTheWire(grade.Backlog, grade.Panic))
		Expect(t).To(HaveNo(grade.Warn))
		Expect(t).To(HaveEveryByteExplained())
		Expect(t).To(HaveLostNoByte())
	}, SpecTimeout(bootLimit))

	It("panics in full when an NMI does it", func(ctx SpecContext) {
		t := try(ctx, kernel, "nmi-panic", "share:50%").all[0]
		Expect(t).To(NotBeVoid())
		Expect(t).To(BeWholeOnTheWire(grade.Backlog, grade.Panic))
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
			if !known {
				Expect(consoles).To(BeEmpty())
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
