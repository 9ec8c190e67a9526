// SPDX-License-Identifier: Apache-2.0

package strategies_test

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/dut"
	"lastpage/harness"
	"lastpage/harness/grade"
	"lastpage/lab"
	"lastpage/lab/qemu"
)

// A trial that starts from a snapshot goes another way than one that was booted for it: the machine was held for a moment, and some
// interrupt comes a few bytes later. What is judged must be the same all the same.
var _ = Describe("a trial that starts from a snapshot", func() {
	for _, board := range []string{"qemu-smp1", "qemu"} {
		for _, c := range []struct {
			scenario string
			injects  []string
		}{{"warn", nil}, {"warn-nmi-panic", []string{"share:50%"}}} {
			for _, strategy := range []string{"inline", "deferred"} {
				It(fmt.Sprintf("grades like one that was booted: %s, %s, %s", board, strategy, c.scenario), func(ctx SpecContext) {
					restored, booted := from(ctx, board, true, strategy, c.scenario, c.injects), from(ctx, board, false, strategy, c.scenario, c.injects)
					Expect(restored.Start.Kind).To(Equal(dut.FromSnapshot))
					Expect(booted.Start.Kind).To(Equal(dut.FromBoot))
					Expect(judged(restored)).To(Equal(judged(booted)))
				}, SpecTimeout(limit))
			}
		}
	}
})

// from is one valid trial, from a snapshot or from power-on.
func from(ctx context.Context, board string, snapshot bool, strategy, scenario string, injects []string) *harness.Trial {
	GinkgoHelper()
	b, label := find(board), "booted"
	if b.Entry.(*qemu.Entry).Snapshot = snapshot; snapshot {
		label = "restored"
	}
	s, err := b.Subject(ctx, catalogue(""), strategy, lab.Options{Baud: 115200, Progress: GinkgoWriter})
	Expect(err).NotTo(HaveOccurred())
	defer s.Bench.Rest()
	sc, err := harness.FindScenario(scenario)
	Expect(err).NotTo(HaveOccurred())
	return execute(ctx, bench(board, label), s, sc, 1, injects)[0]
}

// judged is what a table is made of: letters, and records expected, stored and on the wire. Boot is not judged from a snapshot.
func judged(t *harness.Trial) map[string]string {
	m := map[string]string{"letter": t.Grade.Letter}
	for _, name := range []string{grade.Backlog, grade.Warn, grade.Panic} {
		s := t.Grade.Sections[name]
		m[name] = fmt.Sprintf("%s: expected %s, stored %s, on the wire %s", s.Letter, records(s.Expected), records(s.Stored), records(s.Wire))
	}
	return m
}

func records(c *grade.Count) string {
	if c == nil {
		return "?"
	}
	return fmt.Sprint(c.Records)
}
