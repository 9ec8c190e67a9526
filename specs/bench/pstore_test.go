// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"fmt"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/capture/ring"
	"lastpage/harness"
	"lastpage/harness/grade"
	"lastpage/specs/parts"
)

var _ = Describe("a board that keeps its log over a reset", Label("pstore"), func() {
	It("gives the records that its memory held before", func(ctx SpecContext) {
		l, image := remembering(parts.Pstore)
		t := dead(ctx, l, "break-panic")

		By("knowing from the log that was kept what was stored")
		Expect(t.RingWhy).To(BeEmpty())
		Expect(t.Grade.Ring.Witness.Kind).To(Equal("pstore"))
		Expect(t.Grade.Sections[grade.Backlog].Stored.Records).To(Equal(600))

		By("comparing with the machine's memory, read right before the reset")
		direct, err := ring.Load(ctx, image, ring.LoadOptions{})
		Expect(err).NotTo(HaveOccurred())
		kept, err := ring.Load(ctx, filepath.Join(t.Dir(), harness.RingText), ring.LoadOptions{})
		Expect(err).NotTo(HaveOccurred())
		Expect(len(kept.Records)).To(BeNumerically(">", 600))
		// What is said after the log was kept is not in it, and what did not fit is its oldest.
		want := map[string]bool{}
		for _, text := range texts(direct) {
			want[text] = true
		}
		var strange []string
		for _, text := range texts(kept) {
			if !want[text] {
				strange = append(strange, text)
			}
		}
		Expect(strange).To(BeEmpty(), "records were kept that the memory does not hold")
		AddReportEntry("figures", fmt.Sprintf("%d records were kept, the memory held %d", len(kept.Records), len(direct.Records)))
	}, SpecTimeout(bootLimit))
})

// texts are the records as their time and text.
func texts(log *ring.Log) (all []string) {
	for i := range log.Records {
		r := &log.Records[i]
		all = append(all, fmt.Sprintf("%d %s", r.TsNsec/1000, r.Text))
	}
	return all
}
