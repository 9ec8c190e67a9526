package qemu_test

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/harness"
	"lastpage/harness/grade"
	"lastpage/kernels"
	"lastpage/lab"
)

// subjectOf makes a strategy ready on a board of the built-in inventory, as `lastpage run` does.
func subjectOf(ctx context.Context, board, strategy string) harness.Subject {
	GinkgoHelper()
	inv, err := lab.LoadInventory("")
	Expect(err).NotTo(HaveOccurred())
	b, err := inv.Find(board)
	Expect(err).NotTo(HaveOccurred())
	cat, err := kernels.LoadCatalogue()
	Expect(err).NotTo(HaveOccurred())
	s, free, err := b.Subject(ctx, cat, strategy, lab.Options{Baud: 115200, Progress: GinkgoWriter})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(free)
	return s
}

// trials are what a run brought: the uninterrupted one if the scenario has one, and those that were asked for, each graded from its files.
type trials struct {
	reference *harness.Trial
	all       []*harness.Trial
}

var runs atomic.Int64

// try runs a scenario, one trial for each injection, or once if the scenario has none.
func try(ctx context.Context, s harness.Subject, scenario string, injects ...string) trials {
	GinkgoHelper()
	sc, err := harness.FindScenario(scenario)
	Expect(err).NotTo(HaveOccurred())
	o := harness.Order{Scenario: sc, Trials: max(1, len(injects)),
		Out: filepath.Join(evidence, strconv.FormatInt(runs.Add(1), 10)+"-"+strings.ReplaceAll(scenario, ":", "-"))}
	for _, text := range injects {
		in, err := harness.ParseInject(text)
		Expect(err).NotTo(HaveOccurred())
		o.Injects = append(o.Injects, in)
	}
	Expect(o.Check()).To(Succeed())
	r, err := harness.Execute(ctx, o, []harness.Subject{s}, func(_, what string, _, _ int) { GinkgoWriter.Println(s.Strategy, what) })
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Rows).To(HaveLen(1))
	Expect(r.Rows[0].Voids).To(BeEmpty(), "void trials")
	var t trials
	if dir := r.Rows[0].Reference; dir != "" {
		t.reference = regrade(ctx, dir)
	}
	for _, dir := range r.Rows[0].Trials {
		t.all = append(t.all, regrade(ctx, dir))
	}
	Expect(t.all).To(HaveLen(o.Trials))
	return t
}

// regrade judges a trial by its files alone, and puts the grade into the report.
func regrade(ctx context.Context, dir string) *harness.Trial {
	GinkgoHelper()
	t, err := harness.Regrade(ctx, dir)
	Expect(err).NotTo(HaveOccurred())
	var b strings.Builder
	Expect(grade.WriteText(&b, t.Grade)).To(Succeed())
	AddReportEntry(strings.TrimPrefix(dir, evidence+"/"), b.String(), ReportEntryVisibilityFailureOrVerbose)
	return t
}
