package qemu_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "lastpage/specs/match"
)

// One CPU: with two that are at work at the same time, QEMU gives them turns that depend on the host, and on a busy one the bytes differ.
var _ = Describe("the exact wire, with one CPU", Ordered, func() {
	var first trials

	BeforeAll(func(ctx SpecContext) {
		first = try(ctx, subjectOf(ctx, "qemu-smp1", "legacy"), "warn-nmi-panic", "share:50%", "share:50%")
	}, NodeTimeout(bootLimit))

	It("is the same in two trials from one snapshot", func() {
		Expect(first.all[0]).To(HaveTheWireOf(first.all[1]))
	})

	It("is the same after another boot", func(ctx SpecContext) {
		again := try(ctx, subjectOf(ctx, "qemu-smp1", "legacy"), "warn-nmi-panic", "share:50%")
		Expect(again.reference).To(HaveTheWireOf(first.reference))
		Expect(again.all[0]).To(HaveTheWireOf(first.all[0]))
	}, SpecTimeout(bootLimit))
})
