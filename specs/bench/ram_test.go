// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"fmt"
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/capture/ring"
	"lastpage/harness"
	"lastpage/harness/grade"
	"lastpage/specs/parts"
)

var _ = Describe("a board whose memory outlives a reset", Label("ram"), func() {
	It("gives the records that its memory held before", func(ctx SpecContext) {
		l, image := remembering(parts.RAM)
		t := dead(ctx, l, "break-panic")

		By("reading the ringbuffer of the kernel that died")
		Expect(t.RingWhy).To(BeEmpty())
		Expect(t.Grade.Sections[grade.Backlog].Stored.Records).To(Equal(600))
		Expect(t.Grade.Sections[grade.Panic].Stored.Records).To(BeNumerically(">", 0))
		st, err := os.Stat(filepath.Join(t.Dir(), harness.RingName))
		Expect(err).NotTo(HaveOccurred())

		By("comparing with the machine's memory, read right before the reset")
		direct, err := ring.Load(ctx, image, ring.LoadOptions{})
		Expect(err).NotTo(HaveOccurred())
		after, err := ring.Load(ctx, filepath.Join(t.Dir(), harness.RingName), ring.LoadOptions{})
		Expect(err).NotTo(HaveOccurred())
		Expect(after.Release).To(Equal(direct.Release))
		Expect(after.Records).To(Equal(direct.Records))
		AddReportEntry("figures", fmt.Sprintf("%d records; %d bytes were kept", len(after.Records), st.Size()))
	}, SpecTimeout(bootLimit))
})
