// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"

	"lastpage/harness"
	"lastpage/lab"
	"lastpage/lab/nightly"
	"lastpage/specs/parts"
)

// night reads what a night has left.
func night(dir string) *nightly.Night {
	GinkgoHelper()
	data, err := os.ReadFile(filepath.Join(dir, nightly.Name))
	Expect(err).NotTo(HaveOccurred())
	n := new(nightly.Night)
	Expect(json.Unmarshal(data, n)).To(Succeed())
	return n
}

var _ = Describe("a night", Label("nightly"), func() {
	It("frees its boards when it is interrupted, switched off, and goes on with the same folder", func(ctx SpecContext) {
		b, _ := board(parts.Plain)
		args := func(dir string, more ...string) []string {
			return append([]string{"nightly", "--inventory", bench.Inventory, "--strategy", "legacy", "--scenario", "panic", "--retries", "3", "--out", filepath.Join(evidence, dir)}, more...)
		}
		c := exec.Command(lastpage, args("night")...)
		s, err := gexec.Start(c, GinkgoWriter, GinkgoWriter)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { s.Kill().Wait(time.Minute) })
		Eventually(s.Err).WithContext(ctx).WithTimeout(bootLimit).Should(gbytes.Say(`panic: trial-001`))

		By("telling a second one who has the board")
		out, err := run(ctx, args("night-two", "--board", b.Name, "--wait", "0s", "--quiet")...)
		Expect(err).To(HaveField("ExitCode()", 3), out)
		Expect(out).To(And(ContainSubstring("is leased by"), ContainSubstring(`"nightly"`)))
		Expect(night(filepath.Join(evidence, "night-two")).Boards).To(ConsistOf(HaveField("Fault", ContainSubstring("is leased by"))))

		By("being interrupted in the middle of a trial")
		s.Interrupt()
		Eventually(s).WithContext(ctx).WithTimeout(bootLimit).Should(gexec.Exit(3))
		Expect(night(filepath.Join(evidence, "night")).Status).To(Equal(harness.Unfinished))
		for _, d := range bench.Boards {
			Expect(lab.Leased(d.Name)).To(BeNil(), d.Name)
			state, err := run(ctx, "wire", "control", d.Socket, "status")
			Expect(err).NotTo(HaveOccurred())
			Expect(state).To(Equal("off\n"), d.Name)
		}

		By("going on")
		out, err = run(ctx, args("night", "--quiet")...)
		Expect(err).NotTo(HaveOccurred(), out)
		for _, r := range night(filepath.Join(evidence, "night")).Boards {
			Expect(r.Fault).To(BeEmpty())
			Expect(r.Graded).To(Equal(1), r.Name)
			Expect(r.Failed).To(BeEmpty())
		}
		for _, file := range []string{"junit.xml", "results.ktap", "kcidb.json", "nightly.txt"} {
			Expect(filepath.Join(evidence, "night", file)).To(BeARegularFile())
		}
	}, SpecTimeout(2*bootLimit))
})
