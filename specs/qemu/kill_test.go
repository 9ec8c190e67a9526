// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
)

// A harness that is killed, by whatever and whenever, leaves no machine running, and no folder that could be taken for a finished trial.
var _ = Describe("a harness that is killed", Label("kill"), func() {
	var out, temp string

	BeforeEach(func() {
		dir, err := os.MkdirTemp(evidence, "kill-")
		Expect(err).NotTo(HaveOccurred())
		out, temp = filepath.Join(dir, "run"), filepath.Join(dir, "tmp")
		Expect(os.Mkdir(temp, 0o755)).To(Succeed())
	})

	command := func(args ...string) *gexec.Session {
		GinkgoHelper()
		c := exec.Command(lastpage, args...)
		c.Env = append(os.Environ(), "TMPDIR="+temp)
		s, err := gexec.Start(c, GinkgoWriter, GinkgoWriter)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { s.Kill().Wait(waitLimit) })
		return s
	}
	run := func(board string, more ...string) *gexec.Session {
		GinkgoHelper()
		return command(append([]string{"run", "--board", board, "--strategy", "legacy", "--scenario", "warn", "--trials", "3", "--courses", "0", "--out", out}, more...)...)
	}
	trial := func(name string) string { return filepath.Join(out, "legacy", name) }
	// capturing: the trial has begun, and bytes of its wire are on the disk.
	capturing := func(ctx SpecContext, s *gexec.Session, name string) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			g.Expect(s).NotTo(gexec.Exit())
			st, err := os.Stat(filepath.Join(trial(name), "wire.bin"))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(st.Size()).To(BeNumerically(">", 0))
		}).WithContext(ctx).WithTimeout(waitLimit).Should(Succeed())
	}
	machines := func(ctx SpecContext, s *gexec.Session) []int {
		GinkgoHelper()
		var pids []int
		Eventually(func() []int { pids = guestsOf(s.Command.Process.Pid); return pids }).
			WithContext(ctx).WithTimeout(waitLimit).ShouldNot(BeEmpty())
		return pids
	}
	leavesNothing := func(ctx SpecContext, pids []int) {
		GinkgoHelper()
		Eventually(alive).WithArguments(pids).WithContext(ctx).WithTimeout(waitLimit).Should(BeEmpty(), "QEMU lives on")
		Expect(os.ReadDir(temp)).To(BeEmpty(), "temporary files")
	}
	isUnfinished := func(ctx SpecContext, name string) {
		GinkgoHelper()
		g := command("grade", trial(name))
		Eventually(g).WithContext(ctx).WithTimeout(waitLimit).Should(gexec.Exit(2))
		Expect(string(g.Out.Contents())).To(And(ContainSubstring("VOID"), ContainSubstring("this trial was never finished")))
	}

	It("by SIGKILL while it boots a guest", func(ctx SpecContext) {
		s := run("qemu")
		pids := machines(ctx, s)
		s.Kill().Wait(waitLimit)
		leavesNothing(ctx, pids)
		Expect(trial("trial-001")).NotTo(BeADirectory())
	}, SpecTimeout(bootLimit))

	It("by SIGKILL in the middle of a trial, marks that one and keeps the one before; the next run goes on", func(ctx SpecContext) {
		s := run("qemu")
		capturing(ctx, s, "trial-002")
		pids := machines(ctx, s)
		s.Kill().Wait(waitLimit)
		leavesNothing(ctx, pids)
		isUnfinished(ctx, "trial-002")
		Eventually(command("grade", trial("trial-001"))).WithContext(ctx).WithTimeout(waitLimit).Should(gexec.Exit(0))

		other := run("qemu", "--backlog", "300")
		Eventually(other).WithContext(ctx).WithTimeout(waitLimit).Should(gexec.Exit(3))
		Expect(string(other.Err.Contents())).To(ContainSubstring(`made with backlog_records "600", now it is "300"`))
		again := run("qemu")
		Eventually(again).WithContext(ctx).WithTimeout(bootLimit).Should(gexec.Exit(0))
		Expect(string(again.Out.Contents())).To(ContainSubstring("3 valid, 0 void"))
		Expect(trial("trial-002.left-1")).To(BeADirectory(), "what was cut short is put aside")
		for _, name := range []string{"trial-001", "trial-002", "trial-003"} {
			Eventually(command("grade", trial(name))).WithContext(ctx).WithTimeout(waitLimit).Should(gexec.Exit(0))
		}
	}, SpecTimeout(2*bootLimit))

	It("by Ctrl-C takes its machine down, says so, and marks the trial", func(ctx SpecContext) {
		s := run("qemu-plain")
		capturing(ctx, s, "trial-001")
		pids := machines(ctx, s)
		s.Signal(syscall.SIGINT)
		Eventually(s).WithContext(ctx).WithTimeout(waitLimit).Should(gexec.Exit(3))
		Expect(string(s.Err.Contents())).To(ContainSubstring("interrupted"))
		leavesNothing(ctx, pids)
		isUnfinished(ctx, "trial-001")
	}, SpecTimeout(bootLimit))
})
