// SPDX-License-Identifier: Apache-2.0

// Package example has specs of one's own: a module beside lastpage that says what must hold of a console. docs/own-specs.md walks through it.
package example

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/harness"
	"lastpage/specs/kit"
	"lastpage/specs/match"
)

func TestConsole(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "my console")
}

var _ = Describe("the legacy console of Debian's kernel", func() {
	It("sends the whole panic, and loses the WARN that it interrupted", func(ctx SpecContext) {
		lab := &kit.Lab{Board: "qemu-smp1", Dir: GinkgoT().TempDir(), Progress: GinkgoWriter, Shape: &harness.Shape{Backlog: 40, RecordLen: 80}}
		legacy, err := lab.Subject(ctx, "legacy")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(legacy.Bench.Rest)

		tried, err := lab.Scenario(ctx, legacy, "warn-nmi-panic", "share:50%")
		Expect(err).NotTo(HaveOccurred())
		Expect(tried.Voids).To(BeEmpty())
		Expect(tried.Trials[0]).To(match.BeOnTheWireAsFarAsStored("panic"))
		Expect(tried.Trials[0]).To(match.HaveLineOnTheWire(`Kernel panic - not syncing`))
		Expect(tried.Reference).NotTo(match.HaveLineOnTheWire(`Kernel panic`))
	})
})
