// SPDX-License-Identifier: Apache-2.0

// Package strategies_test states what each strategy promises, and that a kernel whose patch breaks the promise fails the statement.
//
// Each promise is tried on the kernel with the strategies, and on that kernel with one mutant on top (kernels/patches/mutants). Building
// takes minutes for each mutant, so the suite runs with LASTPAGE_STRATEGIES=1 only. No spec asserts how long anything takes.
package strategies_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/harness"
	"lastpage/kernels"
	"lastpage/kernels/patches"
	"lastpage/lab"
	"lastpage/specs/kit"
	"lastpage/specs/suite"
)

// limit ends what would never end: a kernel build and some boots on a busy machine.
const limit = time.Hour

var evidence string

func TestStrategies(t *testing.T) {
	if os.Getenv("LASTPAGE_STRATEGIES") == "" {
		t.Skip("LASTPAGE_STRATEGIES=1 builds a kernel for every mutant")
	}
	suite.Run(t, "promises of the strategies", 8*time.Hour)
}

var _ = BeforeSuite(func() { evidence = suite.Evidence("lastpage-strategies-") })

var _ = ReportAfterSuite("evidence", func(r Report) { suite.Keep(r, evidence) })

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

// bench is where the trials of a spec are made.
func bench(board, label string) *kit.Lab {
	GinkgoHelper()
	shape := harness.DefaultShape()
	shape.Backlog = backlog
	dir := filepath.Join(evidence, fmt.Sprintf("%02d-%s", runs.Add(1), label))
	Expect(os.MkdirAll(dir, 0o755)).To(Succeed())
	return &kit.Lab{Dir: dir, Board: board, Shape: &shape, Progress: GinkgoWriter}
}

// trials are the valid trials of a promise: one for each injection, or at several moments of a line. They start from one snapshot.
func (p *promise) trials(ctx context.Context, mutant string) []*harness.Trial {
	GinkgoHelper()
	board := p.board
	if board == "" {
		board = "qemu"
	}
	s, err := find(board).Subject(ctx, catalogue(mutant), p.strategy, lab.Options{Baud: 115200, Progress: GinkgoWriter})
	Expect(err).NotTo(HaveOccurred())
	defer s.Bench.Rest()
	sc, err := harness.FindScenario(p.scenario)
	Expect(err).NotTo(HaveOccurred())
	sc.Nested = cmp.Or(p.nested, sc.Nested)
	n := len(p.injects)
	if !sc.Interrupted {
		n, sc.PhaseUS = moments, momentUS
	}
	return execute(ctx, bench(board, mutant), s, sc, n, p.injects)
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

// execute makes trials and grades them from their files. All of them must be valid.
func execute(ctx context.Context, l *kit.Lab, s *harness.Subject, sc harness.Scenario, n int, injects []string) []*harness.Trial {
	GinkgoHelper()
	r, err := l.Try(ctx, s, sc, n, injects...)
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Trials).To(HaveLen(n), "valid trials; void: %v", r.Voids)
	return r.Trials
}
