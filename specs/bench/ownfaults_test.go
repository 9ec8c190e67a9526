// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"

	"lastpage/harness"
	"lastpage/lab"
	"lastpage/specs/parts"
)

var _ = Describe("a fault of this machine", Label("faults"), func() {
	// The folder of the run is a file system of its own, which has no room for a trial.
	It("that the disk is full has one message, and keeps what was written", func(ctx SpecContext) {
		costly()
		f := &fault{kind: parts.Plain, exit: exitLab, says: `trial \S+: .*no space left on device`}
		v := newVictim(f, "disk")
		kept := filepath.Join(evidence, "fault-disk-kept")
		Expect(os.Mkdir(v.dir, 0o755)).To(Succeed())
		c := v.command(f)
		in := exec.Command("unshare", append([]string{"--map-root-user", "--mount", "sh", "-c",
			`mount -t tmpfs -o size=100k none "$0" || exit 77; d=$0 kept=$1; shift; "$@"; rc=$?; cp -r "$d" "$kept"; exit $rc`, v.dir, kept}, c.Args...)...)
		var err error
		v.session, err = gexec.Start(in, GinkgoWriter, GinkgoWriter)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { v.session.Kill().Wait(time.Minute) })
		Eventually(v.session).WithContext(ctx).WithTimeout(bootLimit).Should(gexec.Exit())
		if v.session.ExitCode() == 77 || v.session.ExitCode() == 1 {
			Skip("this user has no file system of his own: " + string(v.session.Err.Contents()))
		}
		v.dir = kept
		Expect(v.session.ExitCode()).To(Equal(f.exit))
		f.kept = loaderWords
		f.judge(ctx, v)
	}, SpecTimeout(bootLimit))

	It("that lastpage is killed frees the board, keeps what had come, and stops nobody who goes on", func(ctx SpecContext) {
		costly()
		f := &fault{kind: parts.Plain, exit: exitKilled, on: true, kept: backlogWords}
		v := newVictim(f, "killed")
		v.begin(f)
		v.shows(ctx, backlogWords)
		v.session.Kill().Wait(time.Minute)
		Expect(v.session.ExitCode()).To(Equal(f.exit))
		f.judge(ctx, v)
		before := v.wire()

		By("going on with the same folder")
		f = &fault{kind: parts.Plain, exit: exitPassed, graded: true, kept: before, args: []string{"--retries", "3"}}
		v.begin(f)
		Eventually(v.session).WithContext(ctx).WithTimeout(bootLimit).Should(gexec.Exit(f.exit))
		f.judge(ctx, v)
		left, err := harness.LoadTrial(filepath.Join(v.dir, "legacy", "course-001", "trial-001.left-1"))
		Expect(err).To(MatchError(harness.ErrUnfinished), "%v", left)
	}, SpecTimeout(bootLimit))

	It("that the BMC is killed is told where its button is wanted, and at the end", func(ctx SpecContext) {
		costly()
		f := &fault{kind: parts.BMC, scenario: "nmi-panic", args: []string{"--inject", "byte:20000"}, exit: exitLab, on: true, kept: backlogWords,
			says: `trigger inject: the BMC 127\.0\.0\.1:\d+ opened no session for lab: look whether it has power[^\n]*\n(?s:.*)it is left switched on`}
		v := newVictim(f, "bmc-killed")
		v.begin(f)
		trial := filepath.Join(v.dir, "legacy", "course-001", "trial-001", "wire.bin")
		Eventually(func() bool { _, err := os.Stat(trial); return err == nil || v.session.ExitCode() >= 0 }).
			WithContext(ctx).WithTimeout(bootLimit).Should(BeTrue())
		Eventually(func() string { data, _ := os.ReadFile(trial); return string(data) }).
			WithContext(ctx).WithTimeout(bootLimit).Should(ContainSubstring(kernelWords))
		killBMC(v)
		Eventually(v.session).WithContext(ctx).WithTimeout(bootLimit).Should(gexec.Exit(f.exit))
		f.judge(ctx, v)
		v.off(ctx)
	}, SpecTimeout(bootLimit))

	It("that its clock jumps changes no lease of a program", func(ctx SpecContext) {
		l, err := lab.Take(context.Background(), "clock", lab.Wanted{Owner: "a", Purpose: "b"})
		Expect(err).NotTo(HaveOccurred())
		Expect(l.Release()).To(Succeed())
	})
})
