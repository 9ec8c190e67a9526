// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/harness"
	"lastpage/harness/grade"
	"lastpage/specs/kit"
)

// subjectOf makes a strategy ready on a board of the built-in inventory, as `lastpage run` does.
func subjectOf(ctx context.Context, board, strategy string) *harness.Subject {
	GinkgoHelper()
	s, err := (&kit.Lab{Board: board, Progress: GinkgoWriter}).Subject(ctx, strategy)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(s.Bench.Rest)
	return s
}

// trials are what a run brought: the uninterrupted one if the scenario has one, and those that were asked for, each graded from its files.
type trials struct {
	reference *harness.Trial
	all       []*harness.Trial
}

var bench *kit.Lab

// try runs a scenario, one trial for each injection, or once if the scenario has none.
func try(ctx context.Context, s *harness.Subject, scenario string, injects ...string) trials {
	GinkgoHelper()
	return tryIn(ctx, bench, s, scenario, injects...)
}

// tryIn is try with another lab.
func tryIn(ctx context.Context, lab *kit.Lab, s *harness.Subject, scenario string, injects ...string) trials {
	GinkgoHelper()
	r, err := lab.Scenario(ctx, s, scenario, injects...)
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Voids).To(BeEmpty(), "void trials")
	Expect(r.Trials).To(HaveLen(max(1, len(injects))))
	for _, t := range r.Trials {
		show(t)
	}
	return trials{r.Reference, r.Trials}
}

// show puts a trial's grade into the report.
func show(t *harness.Trial) {
	GinkgoHelper()
	var b strings.Builder
	Expect(grade.WriteText(&b, t.Grade)).To(Succeed())
	AddReportEntry(strings.TrimPrefix(t.Dir(), evidence+"/"), b.String(), ReportEntryVisibilityFailureOrVerbose)
}
