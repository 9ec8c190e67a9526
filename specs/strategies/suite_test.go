// Package strategies_test states what each strategy promises, and that a kernel whose patch breaks the promise fails the statement.
//
// Each promise is tried on the kernel with the strategies, and on that kernel with one mutant on top (kernels/patches/mutants). Building
// takes minutes for each mutant, so the suite runs with LASTPAGE_STRATEGIES=1 only. No spec asserts how long anything takes.
package strategies_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
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
	}
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
	b.Patches = append([]string{}, file)
	k.Source.Build = &b
	return cat
}

var runs atomic.Int64

// trial is one valid trial of a promise.
func (p *promise) trial(ctx context.Context, mutant string) *harness.Trial {
	GinkgoHelper()
	inv, err := lab.LoadInventory("")
	Expect(err).NotTo(HaveOccurred())
	board := p.board
	if board == "" {
		board = "qemu"
	}
	b, err := inv.Find(board)
	Expect(err).NotTo(HaveOccurred())
	s, free, err := b.Subject(ctx, catalogue(mutant), p.strategy, lab.Options{Baud: 115200, Progress: GinkgoWriter})
	Expect(err).NotTo(HaveOccurred())
	defer free()
	sc, err := harness.FindScenario(p.scenario)
	Expect(err).NotTo(HaveOccurred())
	o := harness.Order{Scenario: sc, Trials: 1, Shape: func(x *plan.Plan) {
		if p.shape != nil {
			p.shape(x)
		}
	}, Out: filepath.Join(evidence, strconv.FormatInt(runs.Add(1), 10)+"-"+strings.ReplaceAll(p.scenario, ":", "-"))}
	if p.inject != "" {
		in, err := harness.ParseInject(p.inject)
		Expect(err).NotTo(HaveOccurred())
		o.Injects = []harness.Inject{in}
	}
	Expect(o.Check()).To(Succeed())
	r, err := harness.Execute(ctx, o, []harness.Subject{s}, nil)
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Rows[0].Trials).To(HaveLen(1), "valid trials; void: %v", r.Rows[0].Voids)
	t, err := harness.Regrade(ctx, r.Rows[0].Trials[0])
	Expect(err).NotTo(HaveOccurred())
	return t
}
