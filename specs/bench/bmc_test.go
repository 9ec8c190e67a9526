// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/specs/parts"
)

var _ = Describe("a board with a BMC", Label("bench"), func() {
	It("says so when the password is another", func(ctx SpecContext) {
		b, _ := board(parts.BMC)
		inventory, err := bench.Other(b, b.Name+"-bad", "wrong", "")
		Expect(err).NotTo(HaveOccurred())
		out, err := run(ctx, "boards", "check", b.Name+"-bad", "--inventory", inventory, "--quiet")
		Expect(err).To(HaveOccurred())
		Expect(out).To(ContainSubstring("power off: the BMC 127.0.0.1:"))
		Expect(out).To(ContainSubstring("does not know this user or password"))
	}, SpecTimeout(bootLimit))
})
