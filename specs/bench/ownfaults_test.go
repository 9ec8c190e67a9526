// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"

	"lastpage/harness"
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
		Expect(strings.Count(string(v.session.Err.Contents()), "write capture")).To(Equal(1), "it is said once")
	}, SpecTimeout(bootLimit))

	It("that lastpage is killed frees the board, keeps what had come, and stops nobody who goes on", func(ctx SpecContext) {
		costly()
		f := &fault{kind: parts.Plain, exit: exitKilled, on: true, kept: backlogWords}
		v := newVictim(f, "killed")
		f.at = backlogWords
		v.reach(ctx, f)
		v.session.Kill().Wait(time.Minute)
		Expect(v.session.ExitCode()).To(Equal(f.exit))
		f.judge(ctx, v)
		before := v.wire()

		By("going on with the same folder")
		f = &fault{kind: parts.Plain, exit: exitPassed, graded: true, kept: before}
		v.begin(f)
		Eventually(v.session).WithContext(ctx).WithTimeout(bootLimit).Should(gexec.Exit(f.exit))
		f.judge(ctx, v)
		left, err := harness.LoadTrial(filepath.Join(v.dir, "legacy", "course-001", "trial-001.left-1"))
		Expect(err).To(MatchError(harness.ErrUnfinished), "%v", left)
	}, SpecTimeout(bootLimit))

	It("that the BMC is killed is told where its button is wanted, and at the end", func(ctx SpecContext) {
		costly()
		f := &fault{kind: parts.BMC, scenario: "nmi-panic", args: []string{"--inject", "byte:20000"}, exit: exitLab, on: true, kept: backlogWords,
			says: `it is left switched on: power off: the BMC (?s:.*)trigger inject: the BMC 127\.0\.0\.1:\d+ opened no session for lab: look whether it has power`}
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

	// The clock of the wall jumps forth and back by two hours about once a second, for all of the run.
	It("that its clock jumps changes nothing", func(ctx SpecContext) {
		costly()
		was := lastpage
		lastpage = jumping()
		DeferCleanup(func() { lastpage = was })
		f := &fault{kind: parts.Plain, exit: exitPassed, graded: true, kept: panicWords}
		v := f.suffer(ctx, "clock")
		t, err := harness.LoadTrial(filepath.Join(v.dir, "legacy", "course-001", "trial-001"))
		Expect(err).NotTo(HaveOccurred())
		Expect(t.Grade.Letter).To(Equal("A"))
	}, SpecTimeout(bootLimit))
})

// jumping is the command with a clock of the wall that jumps.
func jumping() string {
	GinkgoHelper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	Expect(err).NotTo(HaveOccurred())
	source := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	data, err := os.ReadFile(source)
	Expect(err).NotTo(HaveOccurred())
	const now = "\tsec, nsec, mono := runtimeNow()\n\tif mono == 0 {"
	Expect(string(data)).To(ContainSubstring(now), "this Go reads its clock in another way")
	dir := GinkgoT().TempDir()
	changed, overlay, program := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "lastpage")
	text := strings.Replace(string(data), now, "\tsec, nsec, mono := runtimeNow()\n\tsec += (mono>>30&1)*7200 - 3600\n\tif mono == 0 {", 1)
	Expect(os.WriteFile(changed, []byte(text), 0o644)).To(Succeed())
	list, err := json.Marshal(map[string]map[string]string{"Replace": {source: changed}})
	Expect(err).NotTo(HaveOccurred())
	Expect(os.WriteFile(overlay, list, 0o644)).To(Succeed())
	out, err := exec.Command("go", "build", "-overlay", overlay, "-o", program, "lastpage/cmd/lastpage").CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(out))
	return program
}
