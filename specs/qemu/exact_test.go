// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

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

			It("is the same after another boot", func(ctx SpecContext) {
				again := try(ctx, subjectOf(ctx, board, "legacy"), "warn-nmi-panic", "share:50%")
				Expect(again.reference).To(HaveTheWireOf(first.reference))
				Expect(again.all[0]).To(HaveTheWireOf(first.all[0]))
			}, SpecTimeout(bootLimit))
		})
	}
})
