package strategies_test

import (
	"context"
	"path/filepath"
	"strconv"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/harness"
	"lastpage/harness/grade"
	"lastpage/lab"
)

// A trial that starts from a snapshot goes another way than one that was booted for it: the machine was held for a moment, and some
// interrupt comes a few bytes later. What is judged must be the same all the same.
var _ = Describe("a trial that starts from a snapshot", func() {
	for _, c := range []struct{ scenario, inject string }{{"warn", ""}, {"warn-nmi-panic", "share:50%"}} {
		for _, strategy := range []string{"nbcon-rt", "inline", "deferred"} {
			It("grades like one that was booted: "+strategy+", "+c.scenario, func(ctx SpecContext) {
				restored, booted := from(ctx, strategy, c.scenario, c.inject, true), from(ctx, strategy, c.scenario, c.inject, false)
				Expect(restored.Facts["start"]).To(HavePrefix("snapshot "))
				Expect(booted.Facts["start"]).To(Equal("boot"))
				Expect(restored.Grade.Letter).To(Equal(booted.Grade.Letter))
				for _, name := range []string{grade.Backlog, grade.Warn} {
					r, b := restored.Grade.Sections[name], booted.Grade.Sections[name]
					Expect(r.Stored).To(HaveValue(Equal(*b.Stored)), name+" stored")
					Expect(r.Wire.Records).To(Equal(b.Wire.Records), name+" on the wire")
				}
			}, SpecTimeout(limit))
		}
	}
})

// from is one valid trial on two CPUs, from a snapshot or from power-on.
func from(ctx context.Context, strategy, scenario, inject string, snapshot bool) *harness.Trial {
	GinkgoHelper()
	inv, err := lab.LoadInventory("")
	Expect(err).NotTo(HaveOccurred())
	b, err := inv.Find("qemu")
	Expect(err).NotTo(HaveOccurred())
	b.Snapshot = snapshot
	s, free, err := b.Subject(ctx, catalogue(""), strategy, lab.Options{Baud: 115200, Progress: GinkgoWriter})
	Expect(err).NotTo(HaveOccurred())
	defer free()
	sc, err := harness.FindScenario(scenario)
	Expect(err).NotTo(HaveOccurred())
	o := harness.Order{Scenario: sc, Trials: 1, Out: filepath.Join(evidence, "restored-"+strconv.FormatInt(runs.Add(1), 10))}
	if inject != "" {
		in, err := harness.ParseInject(inject)
		Expect(err).NotTo(HaveOccurred())
		o.Injects = []harness.Inject{in}
	}
	r, err := harness.Execute(ctx, o, []harness.Subject{s}, nil)
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Rows[0].Trials).To(HaveLen(1), "valid trials; void: %v", r.Rows[0].Voids)
	t, err := harness.Regrade(ctx, r.Rows[0].Trials[0])
	Expect(err).NotTo(HaveOccurred())
	return t
}
