// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/harness"
	"lastpage/harness/grade"
	"lastpage/harness/scenario"
	"lastpage/kernels"
	"lastpage/kernels/debian"
	"lastpage/kernels/plan"
	"lastpage/specs/kit"
	. "lastpage/specs/match"
)

// cloud is a stock kernel of the catalogue, and the strategy that it is by itself.
const cloud = "debian-6.12-cloud"

// examples are the scenarios of the manual.
const examples = "../../docs/scenarios"

// brief is a lab with a backlog of 1.3 s on the line: what is asked here does not depend on its length. Its trials have names of their own.
func brief() *kit.Lab {
	GinkgoHelper()
	return &kit.Lab{Dir: GinkgoT().TempDir(), Shape: &harness.Shape{Backlog: 150, RecordLen: 80}, Progress: GinkgoWriter}
}

// written makes a scenario's file ready and tries it, once for each injection.
func written(ctx context.Context, s *harness.Subject, path string, injects ...string) trials {
	GinkgoHelper()
	sc, err := scenario.Load(ctx, path, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	r, err := brief().Try(ctx, s, *sc, max(1, len(injects)), injects...)
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Voids).To(BeEmpty(), "void trials")
	for _, t := range r.Trials {
		show(t)
	}
	return trials{r.Reference, r.Trials}
}

// catalogued is the subject of a catalogue's file.
func catalogued(ctx context.Context, text string) *harness.Subject {
	GinkgoHelper()
	file := filepath.Join(GinkgoT().TempDir(), "mine.yaml")
	Expect(os.WriteFile(file, []byte(text+fmt.Sprintf("strategies: [{name: cloud, kernel: %s, stands_for: itself}]\n", cloud)), 0o644)).To(Succeed())
	s, err := (&kit.Lab{Board: "qemu", Catalogue: []string{file}, Progress: GinkgoWriter}).Subject(ctx, "cloud")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(s.Bench.Rest)
	return s
}

var _ = Describe("what a user brings", Ordered, func() {
	var stock *harness.Subject
	var image *kernels.Image
	var headers *debian.Kernel

	BeforeAll(func(ctx SpecContext) {
		stock = catalogued(ctx, "")
		cat, err := kernels.LoadCatalogue()
		Expect(err).NotTo(HaveOccurred())
		image, err = cat.Image(ctx, cloud, GinkgoWriter)
		Expect(err).NotTo(HaveOccurred())
		k, err := cat.Kernel(cloud)
		Expect(err).NotTo(HaveOccurred())
		headers, err = debian.FetchKernel(ctx, *k.Source.DebianImage, GinkgoWriter)
		Expect(err).NotTo(HaveOccurred())
	}, NodeTimeout(bootLimit))

	It("is the same wire when the kernel is a file of the user's", func(ctx SpecContext) {
		own := catalogued(ctx, fmt.Sprintf("kernels: [{name: %s, cmdline: %q, source: {image: {file: %q, headers: %q}}}]\n", cloud, image.Cmdline, image.Vmlinuz, headers.Build))
		Expect(own.Release).To(Equal(stock.Release))
		Expect(own.Console).To(Equal(stock.Console), "the headers tell the kind of console")
		was := tryIn(ctx, brief(), stock, "warn-nmi-panic", "share:50%")
		is := tryIn(ctx, brief(), own, "warn-nmi-panic", "share:50%")
		Expect(is.reference).To(HaveTheWireOf(was.reference))
		Expect(is.all[0]).To(HaveTheWireOf(was.all[0]))
	}, SpecTimeout(bootLimit))

	It("is the same wire when the scenario is a file", func(ctx SpecContext) {
		was := tryIn(ctx, brief(), stock, "warn-nmi-panic", "share:50%")
		is := written(ctx, stock, filepath.Join(examples, "warn-nmi-panic.yaml"), "share:50%")
		Expect(is.reference).To(HaveTheWireOf(was.reference))
		Expect(is.all[0]).To(HaveTheWireOf(was.all[0]))
	}, SpecTimeout(bootLimit))

	It("is a script that panics the machine", func(ctx SpecContext) {
		t := written(ctx, stock, filepath.Join(examples, "sysrq-crash.yaml")).all[0]
		Expect(t).To(NotBeVoid())
		Expect(t).To(HaveLineOnTheWire(`Kernel panic - not syncing: sysrq triggered crash`))
		Expect(t).To(BeWholeOnTheWire(grade.Panic))
	}, SpecTimeout(bootLimit))

	It("is a program made of C source, and a BREAK in the middle of what it does", func(ctx SpecContext) {
		r := written(ctx, stock, filepath.Join(examples, "reproducer.yaml"), "share:50%")
		Expect(r.reference).To(HaveLineOnTheWire(`sysrq: Show State`))
		Expect(r.all[0]).To(HaveLineOnTheWire(`Kernel panic - not syncing: sysrq triggered crash`))
		Expect(r.reference.Said).To(ContainElement(plan.Message{Event: plan.EventRan, Text: "exit status 0"}))
	}, SpecTimeout(bootLimit))

	It("is a module whose WARN is graded as any other", func(ctx SpecContext) {
		dir := GinkgoT().TempDir()
		Expect(os.CopyFS(dir, os.DirFS(examples))).To(Succeed())
		out, err := exec.CommandContext(ctx, "make", append([]string{"-C", headers.Build, "M=" + filepath.Join(dir, "own"), "modules"}, headers.MakeArgs...)...).CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(out))
		r := written(ctx, stock, filepath.Join(dir, "own-module.yaml"), "share:25%", "share:75%")
		Expect(r.reference).To(HaveStoredAll(grade.Warn))
		Expect(r.reference).To(HaveLineStored(`own_init`))
		for _, t := range r.all {
			Expect(t).To(KnowWhatToExpect(grade.Warn))
			Expect(t).To(HaveNeverStored(grade.Warn), "the legacy console flushes the backlog inside the WARN")
		}
	}, SpecTimeout(bootLimit))

	It("is a second blow after the interruption", func(ctx SpecContext) {
		r := written(ctx, stock, filepath.Join(examples, "two-blows.yaml"), "share:50%")
		Expect(r.reference).NotTo(HaveLineOnTheWire(`Kernel panic`))
		Expect(r.all[0].Fired).To(ContainElement(And(HaveField("Name", "off"), HaveField("Fired", true))))
		Expect(r.all[0]).NotTo(HaveLineOnTheWire(`end Kernel panic`))
	}, SpecTimeout(bootLimit))

	It("is a program that never ends, in a trial that does", func(ctx SpecContext) {
		dir := GinkgoT().TempDir()
		for name, text := range map[string]string{
			"endless.c":    "#include <unistd.h>\nint main(void) { for (;;) usleep(1000); }\n",
			"endless.yaml": "name: endless\ncpus: 2\nsurvives: true\nguest: {program: endless.c}\nover: {after: 8s}\n",
		} {
			Expect(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)).To(Succeed())
		}
		t := written(ctx, stock, filepath.Join(dir, "endless.yaml")).all[0]
		Expect(t).To(BeWholeOnTheWire(grade.Backlog))
		Expect(t.Fired).To(ContainElement(And(HaveField("Name", "limit"), HaveField("Fired", true))))
	}, SpecTimeout(bootLimit))

	It("is an image without headers, and a program without the probe", func(ctx SpecContext) {
		dir := GinkgoT().TempDir()
		data, err := os.ReadFile(image.Vmlinuz)
		Expect(err).NotTo(HaveOccurred())
		Expect(os.WriteFile(filepath.Join(dir, "vmlinuz"), data, 0o644)).To(Succeed())
		out, err := exec.CommandContext(ctx, lastpage, "run", "--image", filepath.Join(dir, "vmlinuz"), "--scenario", filepath.Join(examples, "alone.yaml"),
			"--courses", "0", "--require", "A", "--quiet", "--out", filepath.Join(evidence, "alone")).CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(out))
		t, err := harness.Regrade(ctx, filepath.Join(evidence, "alone", "image", "trial-001"))
		Expect(err).NotTo(HaveOccurred())
		Expect(t).To(HaveLineOnTheWire(`Comm: sysrq Not tainted`))
		Expect(t).To(BeWholeOnTheWire(grade.Panic))
	}, SpecTimeout(bootLimit))
})
