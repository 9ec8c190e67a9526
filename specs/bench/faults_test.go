// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"context"
	"net"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/specs/parts"
)

// soon is an inventory's limits for a fault that is waited for.
var soon = []string{"within: {boot: 10m}", "tries: 1\n    within: {boot: 10m, power: 3s}"}

// patient is long enough for a guest that boots on a busy machine, and short enough for one that never comes.
const patient = "within: 8s"

var _ = Describe("a fault before the kernel", Label("faults"), func() {
	DescribeTable("has one message, and charges nothing to the kernel",
		func(ctx SpecContext, name string, f *fault) { f.suffer(ctx, name) },
		Entry("the console's server is gone", SpecTimeout(bootLimit), "gone", &fault{kind: parts.Plain, exit: exitLab,
			edits: []string{"CONSOLE", "127.0.0.1:9"}, says: `console: open port rfc2217://127\.0\.0\.1:9: .*nobody listens there`}),
		Entry("the adapter is gone", SpecTimeout(bootLimit), "unplugged", &fault{kind: parts.Plain, exit: exitLab,
			edits: []string{"rfc2217://CONSOLE", "/dev/serial/by-path/gone-port0"}, says: `open port /dev/serial/by-path/gone-port0: .*look whether its adapter is plugged in`}),
		Entry("another client has the console's port", SpecTimeout(bootLimit), "busy", &fault{kind: parts.Plain, exit: exitLab,
			before: func(_ context.Context, v *victim) {
				c, err := net.Dial("tcp", v.board.Console)
				Expect(err).NotTo(HaveOccurred())
				DeferCleanup(c.Close)
				_, err = c.Read(make([]byte, 1)) // it is served
				Expect(err).NotTo(HaveOccurred())
			}, says: `the server says ".*in use.*" \(3 tries\)`}),
		Entry("the BMC has another password", SpecTimeout(bootLimit), "password", &fault{kind: parts.BMC, exit: exitLab,
			edits: []string{"password: secret", "password: wrong"}, says: `power off: the BMC 127\.0\.0\.1:\d+ does not know this user or password \(user lab\)`}),
		Entry("the BMC does not answer", SpecTimeout(bootLimit), "no-bmc", &fault{kind: parts.BMC, exit: exitLab,
			before: func(ctx context.Context, v *victim) { killBMC(v) },
			says:   `power off: the BMC 127\.0\.0\.1:\d+ opened no session for lab: look whether it has power`}),
		Entry("the switch does not answer", SpecTimeout(bootLimit), "no-switch", &fault{kind: parts.Plain, exit: exitLab,
			edits: append([]string{"off: CONTROL off", "off: sleep 1000"}, soon...), says: `power off: command "sleep 1000": it was not done after 3s`}),
		Entry("the switch answers and does nothing", SpecTimeout(bootLimit), "idle-switch", &fault{kind: parts.Plain, exit: exitLab, on: true,
			edits: append([]string{"off: CONTROL off", "off: 'true'"}, soon...),
			before: func(ctx context.Context, v *victim) {
				Expect(run(ctx, "wire", "control", v.board.Socket, "on")).Error().NotTo(HaveOccurred())
				DeferCleanup(v.off)
			},
			says: `power off: the switch took the order, and after 3s it still says "on": look whether it is the right outlet`}),
		Entry("the switch is another board's", SpecTimeout(bootLimit), "outlet", &fault{kind: parts.Plain, exit: exitLab,
			edits: append([]string{"on: CONTROL on", "on: 'true'", "state: CONTROL status", "", "start: zboot", "start: zboot\n        " + patient}, soon...),
			says:  `not one byte came in 8s after the power: look whether it is the right outlet and the right console`}),
		Entry("there is no U-Boot", SpecTimeout(bootLimit), "no-u-boot", &fault{kind: parts.Plain, exit: exitLab, kept: loaderWords,
			edits: append([]string{"start: zboot", "prompt: 'board> '\n        start: zboot\n        " + patient}, soon...),
			says:  `u-boot: no prompt "board> " within 8s; the last line is "=>": look at prompt:`}),
		Entry("TFTP has no such file", SpecTimeout(bootLimit), "tftp", &fault{kind: parts.Plain, exit: exitLab, kept: "File not found",
			before: func(_ context.Context, v *victim) { v.edit("folder: "+v.board.TFTP, "folder: "+GinkgoT().TempDir()) },
			says:   `boot, 2 tries: u-boot: TFTP of \S+ brought nothing: .*File not found.*: look whether folder: is the TFTP server's own`}),
		Entry("the rate is another", SpecTimeout(bootLimit), "rate", &fault{kind: parts.Plain, exit: exitLab,
			edits: append([]string{"start: zboot", "start: zboot\n        " + patient}, soon...),
			before: func(_ context.Context, v *victim) {
				v.edit("rfc2217://CONSOLE", "tcp:"+misread(v.board.Bare, 115200, 38400))
			}, says: `no prompt "=> " within 8s, and \d+ of the \d+ bytes that came are no text: look at baud:`}),
	)
})

// killBMC ends the BMC of a board until the spec is over.
func killBMC(v *victim) {
	GinkgoHelper()
	Expect(bench.KillBMC(v.board)).To(Succeed())
	DeferCleanup(func() { Expect(bench.ManageAgain(context.Background(), v.board)).To(Succeed()) })
}
