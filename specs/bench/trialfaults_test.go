// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/specs/parts"
)

// still is how long a part stands still.
const still = 10 * time.Second

// costly skips what boots a kernel for a fault of its own.
func costly() {
	if os.Getenv("LASTPAGE_FAULTS") != "all" {
		Skip("it boots a kernel: LASTPAGE_FAULTS=all tries it")
	}
}

var _ = Describe("a fault in a trial", Label("faults"), func() {
	DescribeTable("has one message, and charges nothing to the kernel",
		func(ctx SpecContext, name string, f *fault) {
			costly()
			f.suffer(ctx, name)
		},
		Entry("the kernel hangs before it is armed", SpecTimeout(bootLimit), "hang", &fault{kind: parts.Plain, exit: exitInconclusive, kept: kernelWords,
			edits: []string{"within: {boot: 10m}", "within: {boot: 2m}"}, before: func(_ context.Context, v *victim) {
				v.edit("\n    cmdline: ", "\n    cmdline: rdinit=/none root=/dev/none rootwait ")
			},
			says: `2m0s passed since the loader's last word before it was armed, the last line of its console is "[^"]+"`}),
		Entry("the console's server is killed", SpecTimeout(bootLimit), "kill-server", &fault{kind: parts.Plain, exit: exitInconclusive, kept: backlogWords,
			at: backlogWords, after: func(_ context.Context, v *victim) {
				Expect(bench.SignalServer(v.board, syscall.SIGKILL)).To(Succeed())
				DeferCleanup(func() { Expect(bench.ServeAgain(context.Background(), v.board)).To(Succeed()) })
			}, says: `the port went away 1 times`}),
		Entry("the console's server is restarted", SpecTimeout(bootLimit), "restart-server", &fault{kind: parts.Plain, exit: exitInconclusive, kept: panicWords,
			at: backlogWords, after: func(ctx context.Context, v *victim) {
				Expect(bench.SignalServer(v.board, syscall.SIGKILL)).To(Succeed())
				Expect(bench.ServeAgain(context.WithoutCancel(ctx), v.board)).To(Succeed())
			}, says: `the port went away 1 times`}),
		Entry("the console's server stands still", SpecTimeout(bootLimit), "still-server", &fault{kind: parts.Plain, exit: exitPassed, graded: true, kept: panicWords,
			at: backlogWords, after: func(_ context.Context, v *victim) {
				Expect(bench.SignalServer(v.board, syscall.SIGSTOP)).To(Succeed())
				time.Sleep(still)
				Expect(bench.SignalServer(v.board, syscall.SIGCONT)).To(Succeed())
			}}),
		Entry("lastpage stands still at a console that waits", SpecTimeout(bootLimit), "still", &fault{kind: parts.Plain, exit: exitPassed, graded: true, kept: panicWords,
			at: backlogWords, after: stop}),
		Entry("lastpage stands still at a console that does not wait", SpecTimeout(bootLimit), "still-pty", &fault{kind: parts.Plain, exit: exitInconclusive, kept: backlogWords,
			before: func(_ context.Context, v *victim) { v.edit("rfc2217://CONSOLE", v.board.PTY) },
			at:     backlogWords, after: stop, says: `this program stood still for \d+.*s and the port was full: what did not fit is lost`}),
		Entry("another program reads the console", SpecTimeout(bootLimit), "second-reader", &fault{kind: parts.Plain, exit: exitInconclusive, kept: backlogWords,
			before: func(_ context.Context, v *victim) { v.edit("rfc2217://CONSOLE", v.board.PTY) },
			at:     backlogWords, after: func(_ context.Context, v *victim) {
				cat := exec.Command("cat", v.board.PTY)
				Expect(cat.Start()).To(Succeed())
				DeferCleanup(func() { _ = cat.Process.Kill(); _ = cat.Wait() })
			}, says: `another program had the port open too: .*cat`}),
		Entry("the board reboots by itself", SpecTimeout(bootLimit), "reboot", &fault{kind: parts.Plain, exit: exitInconclusive, kept: loaderWords,
			at: backlogWords, after: func(ctx context.Context, v *victim) {
				Expect(run(ctx, "wire", "control", v.board.Socket, "reset")).Error().NotTo(HaveOccurred())
			}, says: `void \S+: the board came back to its loader at byte \d+, and its kernel had not said that it dies: look at its power`}),
		Entry("the vmcore never comes", SpecTimeout(bootLimit), "no-vmcore", &fault{kind: parts.Kdump, exit: exitPassed, graded: true, kept: reportWords,
			before: func(_ context.Context, v *victim) {
				v.edit(fmt.Sprintf(`to: "10.0.2.2:%d"`, v.board.Receiver), `to: "10.0.2.2:9"`, "within: 10m}", "within: 30s}")
			}, says: `no letter \S+: .*kdump: no crash kernel called \S+ within 30s: look at to:.*the console's last line is`}),
		Entry("half of the vmcore comes", SpecTimeout(bootLimit), "half-vmcore", &fault{kind: parts.Kdump, exit: exitPassed, graded: true, kept: reportWords,
			before: func(_ context.Context, v *victim) {
				near := half(fmt.Sprintf("127.0.0.1:%d", v.board.Receiver), 1<<20)
				v.edit(fmt.Sprintf(`listen: "127.0.0.1:%d"`, v.board.Receiver), fmt.Sprintf("listen: %q", near))
			}, says: `no letter \S+: .*kdump: read \d+ bytes of its memory: the connection broke: unexpected EOF: look at the network`}),
	)
})

// stop has the run stand still.
func stop(_ context.Context, v *victim) {
	v.session.Signal(syscall.SIGSTOP)
	time.Sleep(still)
	v.session.Signal(syscall.SIGCONT)
}

// half is a way from a port of this machine to another, which it gives, that ends after so many bytes.
func half(at string, bytes int64) (to string) {
	GinkgoHelper()
	ln, err := net.Listen("tcp", at)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(ln.Close)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	to = free.Addr().String()
	free.Close()
	go func() {
		for {
			board, err := ln.Accept()
			if err != nil {
				return
			}
			ours, err := net.Dial("tcp", to)
			if err != nil {
				board.Close()
				continue
			}
			go func() {
				_, _ = io.CopyN(ours, board, bytes)
				ours.Close()
				board.Close()
			}()
			go func() { _, _ = io.Copy(board, ours) }()
		}
	}()
	return to
}
