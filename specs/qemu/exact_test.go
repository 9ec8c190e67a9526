// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/harness/grade"
	. "lastpage/specs/match"
)

var _ = Describe("the exact wire", func() {
	for _, board := range []string{"qemu-smp1", "qemu"} {
		Describe("of the board "+board, Ordered, func() {
			var first trials

			BeforeAll(func(ctx SpecContext) {
				first = try(ctx, subjectOf(ctx, board, "legacy"), "warn-nmi-panic", "share:50%", "share:50%")
			}, NodeTimeout(bootLimit))

			It("is the same in two trials from one snapshot", func() {
				Expect(first.all[0]).To(HaveTheWireOf(first.all[1]))
			})

			It("is never kept waiting in the middle of a record, from the first byte of the boot on", func() {
				Expect(first.reference).To(KeepItsRate(11520, 0.001, grade.Boot, grade.Backlog, grade.Warn))
			})

			It("is the same after another boot", func(ctx SpecContext) {
				again := try(ctx, subjectOf(ctx, board, "legacy"), "warn-nmi-panic", "share:50%")
				Expect(again.reference).To(HaveTheWireOf(first.reference))
				Expect(again.all[0]).To(HaveTheWireOf(first.all[0]))
			}, SpecTimeout(bootLimit))
		})
	}
})
