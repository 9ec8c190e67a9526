// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"fmt"
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/capture/ring"
	"lastpage/dut"
	"lastpage/harness"
	"lastpage/harness/grade"
	"lastpage/lab"
	"lastpage/specs/parts"
)

var _ = Describe("a board whose crash kernel brings the dump", Label("kdump"), func() {
	It("gives the records that its memory holds", func(ctx SpecContext) {
		b, l := board(parts.Kdump)
		inv, err := lab.LoadInventory(l.Inventory)
		Expect(err).NotTo(HaveOccurred())
		entry, err := inv.Find(b.Name)
		Expect(err).NotTo(HaveOccurred())
		hold, err := entry.Hold(ctx, "specs/bench", 0, nil) // it stays on until its memory was read the other way
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { Expect(hold.Release()).To(Succeed()) })

		t := dead(ctx, l, "break-panic")

		Expect(t.Armed.CrashLoaded).To(BeTrue())

		By("reading the ringbuffer of the kernel that died")
		Expect(t.RingWhy).To(BeEmpty())
		Expect(t.Grade.PendingAtInject.Records).To(BeNumerically(">", 0))
		p := t.Grade.Sections[grade.Panic]
		Expect(p.Stored.Records).To(BeNumerically(">", 0))
		if t.End.By == dut.AnotherKernel { // on a busy host it may be silent until the trial is over
			Expect(t.End.Wire).NotTo(BeNil())
			Expect(p.ExpectedFrom).To(Equal(grade.FromDeath))
		}
		st, err := os.Stat(filepath.Join(t.Dir(), harness.RingName))
		Expect(err).NotTo(HaveOccurred())
		Expect(st.Size()).To(BeNumerically("<", 64<<20), "it is the ringbuffer's pages, not the memory")

		By("comparing with the machine's memory, read from outside")
		image := filepath.Join(evidence, "kdump.core")
		out, err := run(ctx, "wire", "control", b.Socket, "dump", image)
		Expect(err).NotTo(HaveOccurred(), out)
		direct, err := ring.Load(ctx, image, ring.LoadOptions{})
		Expect(err).NotTo(HaveOccurred())
		kdump, err := ring.Load(ctx, filepath.Join(t.Dir(), harness.RingName), ring.LoadOptions{})
		Expect(err).NotTo(HaveOccurred())
		Expect(kdump.Release).To(Equal(direct.Release))
		Expect(kdump.Records).To(Equal(direct.Records))
		AddReportEntry("figures", fmt.Sprintf("%d records; %d bytes were kept", len(kdump.Records), st.Size()))
	}, SpecTimeout(bootLimit))
})
