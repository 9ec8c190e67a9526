// Package strategies_test states what each strategy promises, and that a kernel whose patch breaks the promise fails the statement.
//
// Each promise is tried on the kernel with the strategies, and on that kernel with one mutant on top (kernels/patches/mutants). Building
// takes minutes for each mutant, so the suite runs with LASTPAGE_STRATEGIES=1 only. No spec asserts how long anything takes.
package strategies_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/reporters"
	. "github.com/onsi/gomega"

	"lastpage/harness"
	"lastpage/kernels"
	"lastpage/kernels/patches"
	"lastpage/kernels/plan"
	"lastpage/lab"
)

// limit ends what would never end: a kernel build and some boots on a busy machine.
const limit = time.Hour

var evidence string

func TestStrategies(t *testing.T) {
	if os.Getenv("LASTPAGE_STRATEGIES") == "" {
		t.Skip("LASTPAGE_STRATEGIES=1 builds a kernel for every mutant")
	}
	RegisterFailHandler(Fail)
	suite, reporter := GinkgoConfiguration()
	suite.Timeout = 8 * time.Hour
	RunSpecs(t, "promises of the strategies", suite, reporter)
}

var _ = BeforeSuite(func() {
	var err error
	evidence, err = os.MkdirTemp("", "lastpage-strategies-")
	Expect(err).NotTo(HaveOccurred())
})

var _ = ReportAfterSuite("JUnit, evidence", func(r Report) {
	Expect(reporters.GenerateJUnitReport(r, "junit.xml")).To(Succeed())
	if r.SuiteSucceeded {
		Expect(os.RemoveAll(evidence)).To(Succeed())
		return
	}
	fmt.Println("the evidence is kept in", evidence)
})

// catalogue is the built-in one; with a mutant, its kernel of the strategies has that patch on top.
func catalogue(mutant string) *kernels.Catalogue {
	GinkgoHelper()
	cat, err := kernels.LoadCatalogue()
	Expect(err).NotTo(HaveOccurred())
	if mutant == "" {
		return cat
	}
	p, err := patches.Mutant(mutant)
	Expect(err).NotTo(HaveOccurred())
	file := filepath.Join(GinkgoT().TempDir(), mutant+".patch")
	Expect(os.WriteFile(file, p.Data, 0o644)).To(Succeed())
	k, err := cat.Kernel("linux-7")
	Expect(err).NotTo(HaveOccurred())
	b := *k.Source.Build
	b.Patches = []string{file}
	k.Source.Build = &b
	return cat
}

// mutants are the names of all mutants, for the law that each has its promise.
func mutants() []string { return patches.Mutants() }

var runs atomic.Int64

// A strategy takes the console over from a printer thread within a line: a trial is repeated at several moments of one, which at 115200
// baud takes 8.3 ms.
const (
	moments  = 3
	momentUS = 2900
)

// backlog is enough to be in the way: some 80 records, 0.7 s of wire, are pending when the trouble comes.
const backlog = 120

func few(p *plan.Plan) { p.Backlog = backlog }

// trials are the valid trials of a promise: one for each injection, or at several moments of a line. They start from one snapshot.
func (p *promise) trials(ctx context.Context, mutant string) []*harness.Trial {
	GinkgoHelper()
	board := p.board
	if board == "" {
		board = "qemu"
	}
	s, free, err := find(board).Subject(ctx, catalogue(mutant), p.strategy, lab.Options{Baud: 115200, Progress: GinkgoWriter})
	Expect(err).NotTo(HaveOccurred())
	defer free()
	sc, err := harness.FindScenario(p.scenario)
	Expect(err).NotTo(HaveOccurred())
	o := harness.Order{Scenario: sc, Trials: len(p.injects), Shape: func(x *plan.Plan) {
		few(x)
		if p.shape != nil {
			p.shape(x)
		}
	}}
	if !sc.Interrupted {
		o.Trials, o.Scenario.PhaseUS = moments, momentUS
	}
	o.Injects = parse(p.injects)
	return execute(ctx, o, s, mutant)
}

// find returns a board of the built-in inventory.
func find(name string) *lab.Board {
	GinkgoHelper()
	inv, err := lab.LoadInventory("")
	Expect(err).NotTo(HaveOccurred())
	b, err := inv.Find(name)
	Expect(err).NotTo(HaveOccurred())
	return b
}

func parse(injects []string) (all []harness.Inject) {
	GinkgoHelper()
	for _, text := range injects {
		in, err := harness.ParseInject(text)
		Expect(err).NotTo(HaveOccurred())
		all = append(all, in)
	}
	return all
}

// execute carries out an order and grades its trials from their files. All of them must be valid.
func execute(ctx context.Context, o harness.Order, s harness.Subject, label string) (all []*harness.Trial) {
	GinkgoHelper()
	name := fmt.Sprintf("%02d-%s-%s", runs.Add(1), o.Scenario.Name, label)
	o.Out = filepath.Join(evidence, strings.ReplaceAll(strings.TrimSuffix(name, "-"), ":", "-"))
	Expect(o.Check()).To(Succeed())
	r, err := harness.Execute(ctx, o, []harness.Subject{s}, nil)
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Rows[0].Trials).To(HaveLen(o.Trials), "valid trials; void: %v", r.Rows[0].Voids)
	for _, dir := range r.Rows[0].Trials {
		t, err := harness.Regrade(ctx, dir)
		Expect(err).NotTo(HaveOccurred())
		all = append(all, t)
	}
	return all
}
