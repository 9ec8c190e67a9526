// SPDX-License-Identifier: Apache-2.0

package gate_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
)

// clouds are one stock kernel, as base and as head with one word more.
const clouds = `strategies:
  - {name: cloud, kernel: debian-6.12-cloud, stands_for: itself}
`

// policy asks what a legacy console breaks: two courses are enough for it to fail.
const policy = `name: brief
scenarios: [warn-nmi-panic]
moments: ["share:50%"]
courses: 2
must: [{that: "warn.stored >= 1"}]
not_worse: [{that: "panic.sent >= 1", by: 0}]
test: {p0: 0, p1: 0.9, alpha: 0.05, beta: 0.1}
`

// trials are how many a gate makes: of each side, in two courses, the reference and one moment.
const trials = 2 * 2 * 2

// failed is the gate's status: the legacy console flushes the backlog inside the WARN.
const failed = 1

var _ = Describe("a gate", Ordered, func() {
	var dir, temp string
	var alone map[string]any
	var took time.Duration

	start := func(out string, more ...string) *gexec.Session {
		GinkgoHelper()
		where := []string{"--out", out}
		if _, err := os.Stat(filepath.Join(out, "gate.json")); err == nil {
			where[0] = "--resume"
		}
		c := exec.Command(lastpage, append(append([]string{"gate", "--catalogue", filepath.Join(dir, "kernels.yaml"), "--policy", filepath.Join(dir, "policy.yaml"),
			"--base", "cloud", "--head", "cloud+printk.devkmsg=on", "--backlog", "100"}, where...), more...)...)
		c.Env = append(os.Environ(), "TMPDIR="+temp)
		s, err := gexec.Start(c, GinkgoWriter, GinkgoWriter)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { s.Kill().Wait(limit) })
		return s
	}
	ends := func(ctx SpecContext, s *gexec.Session) {
		GinkgoHelper()
		Eventually(s).WithContext(ctx).WithTimeout(limit).Should(gexec.Exit(failed))
	}

	BeforeAll(func(ctx SpecContext) {
		dir = filepath.Join(evidence, "gates")
		temp = filepath.Join(dir, "tmp")
		Expect(os.MkdirAll(temp, 0o755)).To(Succeed())
		Expect(os.WriteFile(filepath.Join(dir, "kernels.yaml"), []byte(clouds), 0o644)).To(Succeed())
		Expect(os.WriteFile(filepath.Join(dir, "policy.yaml"), []byte(policy), 0o644)).To(Succeed())
		ends(ctx, start(filepath.Join(dir, "first"))) // fetches, and finds out about fast-forward
		begun := time.Now()
		ends(ctx, start(filepath.Join(dir, "alone")))
		took = time.Since(begun)
		alone = decided(filepath.Join(dir, "alone"))
		Expect(made(filepath.Join(dir, "alone"))).To(Equal(trials))
		Expect(alone).To(Equal(decided(filepath.Join(dir, "first"))), "equal gates are equal")
	}, NodeTimeout(limit))

	kills := 2
	if n, err := strconv.Atoi(os.Getenv("LASTPAGE_KILLS")); err == nil {
		kills = n
	}
	It(fmt.Sprintf("that is killed and gone on with says the same, and no trial is made or counted twice (%d kills)", kills), func(ctx SpecContext) {
		for i := range kills {
			out := filepath.Join(dir, fmt.Sprintf("killed-%02d", i))
			s := start(out, "--quiet")
			at := time.Duration(rand.Int64N(int64(took)))
			select {
			case <-time.After(at):
			case <-s.Exited:
			case <-ctx.Done():
			}
			s.Kill().Wait(limit)
			before := made(out)
			ends(ctx, start(out, "--quiet"))
			By(fmt.Sprintf("killed after %v, with %d trials made", at.Round(time.Millisecond), before))
			Expect(decided(out)).To(Equal(alone))
			Expect(made(out)).To(Equal(trials))
			ends(ctx, start(out, "--quiet"))
			Expect(decided(out)).To(Equal(alone), "and once more when it is finished")
		}
	}, SpecTimeout(4*limit))

	// The kernel is the same; the words keep it from its trial. Four courses are enough for the test.
	DescribeTable("fails a head that does not come to its trial, and says in a sentence why", func(ctx SpecContext, word, why string) {
		out := filepath.Join(dir, word[:strings.Index(word, "=")])
		ends(ctx, start(out, "--quiet", "--courses", "4", "--head", "cloud+"+word))
		g := decided(out)
		Expect(g["decision"]).To(HaveKeyWithValue("verdict", "fail"))
		Expect(g["decision"]).To(HaveKeyWithValue("why", HavePrefix("warn-nmi-panic: comes to its trial: "+why)))
	},
		Entry("it panics while it boots", SpecTimeout(limit), "rdinit=/nothing",
			"head died before it could be tried (course 1), base did not: the kernel died (Kernel panic - not syncing: "),
		Entry("it stands there after its boot", SpecTimeout(limit), "initcall_blacklist=virtio_console_init",
			"base came there in 4 of 4 courses, head in 0 of 4 (Fisher's exact test: p 0.014): 30s of the machine's time passed before it was armed"))

	It("says the same while another one runs", func(ctx SpecContext) {
		a, b := filepath.Join(dir, "two-a"), filepath.Join(dir, "two-b")
		one, two := start(a), start(b)
		ends(ctx, one)
		ends(ctx, two)
		for _, out := range []string{a, b} {
			Expect(decided(out)).To(Equal(alone))
			Expect(made(out)).To(Equal(trials))
		}
	}, SpecTimeout(limit))
})

// decided is gate.json without what no two gates have in common: the times, the command, and its own folder.
func decided(out string) map[string]any {
	GinkgoHelper()
	data, err := os.ReadFile(filepath.Join(out, "gate.json"))
	Expect(err).NotTo(HaveOccurred())
	var g map[string]any
	Expect(json.Unmarshal([]byte(strings.ReplaceAll(string(data), out, "OUT")), &g)).To(Succeed())
	Expect(g["status"]).To(Equal("finished"))
	for _, name := range []string{"started", "finished", "command"} {
		delete(g, name)
	}
	return g
}

// made counts the finished trials of a gate. Those that a kill cut short are put aside.
func made(out string) (n int) {
	GinkgoHelper()
	err := filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // it was killed before it had one
		}
		if err != nil || d.Name() != "trial.json" {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && !strings.Contains(path, ".left-") && strings.Contains(string(data), `"status": "finished"`) {
			n++
		}
		return err
	})
	Expect(err).NotTo(HaveOccurred())
	return n
}
