// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"net"
	"os/exec"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/specs/parts"
)

var _ = Describe("labgrid on the bridge", Label("labgrid"), func() {
	DescribeTable("resets the board and types at its loader, by its SerialDriver",
		func(ctx SpecContext, protocol string, place func(*parts.Board) string) {
			root := labs()
			b, _ := board(parts.BMC)
			_, port, err := net.SplitHostPort(place(b))
			Expect(err).NotTo(HaveOccurred())
			c := exec.CommandContext(ctx, python, "testdata/client.py", protocol, port, b.Control)
			c.Env = ofLabs(root)
			out, err := c.CombinedOutput()
			Expect(err).NotTo(HaveOccurred(), string(out))
			Expect(string(out)).To(HavePrefix("U-Boot 20"))
		},
		Entry("over RFC 2217", SpecTimeout(bootLimit), "rfc2217", func(b *parts.Board) string { return b.Plug }),
		Entry("over bare TCP", SpecTimeout(bootLimit), "raw", func(b *parts.Board) string { return b.Bare }),
	)
})
