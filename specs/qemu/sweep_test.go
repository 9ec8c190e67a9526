// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/grade"
)

// sweep interrupts the WARN of a stock kernel at a few points.
func sweep(ctx context.Context, s *harness.Subject, out, by string, points int) *compare.Sweep {
	GinkgoHelper()
	sc, err := harness.FindScenario("warn-nmi-panic")
	Expect(err).NotTo(HaveOccurred())
	folder, err := compare.OpenFolder(out, compare.SweepName)
	Expect(err).NotTo(HaveOccurred())
	defer folder.Close()
	shape := harness.DefaultShape()
	shape.Backlog = 40
	o := compare.SweepOrder{By: by, Points: points, Workers: 1, Out: folder,
		Series: harness.Series{Scenario: sc, Injects: []harness.Inject{{At: "byte", N: 1}}, Shape: &shape}}
	sw, err := compare.ExecuteSweep(ctx, o, s, func(_, what string, _, _ int) { GinkgoWriter.Println(by, what) })
	Expect(err).NotTo(HaveOccurred())
	Expect(sw.Status).To(Equal(harness.Finished))
	Expect(sw.Voids).To(BeZero(), "void points")
	return sw
}

// outcomes are the points as they are kept.
func outcomes(sw *compare.Sweep) []string {
	var all []string
	for _, p := range sw.Points {
		all = append(all, fmt.Sprintf("%s: byte %d, %d ns, %v %v %v", p.Inject, p.Byte, p.NS, p.Warn, p.Backlog, p.Panic))
	}
	return all
}

var _ = Describe("a sweep", Ordered, func() {
	var (
		subject *harness.Subject
		bytes   *compare.Sweep
		out     string
	)

	BeforeAll(func(ctx SpecContext) {
		subject = subjectOf(ctx, "qemu-smp1", "legacy")
		out = filepath.Join(evidence, "sweep")
		bytes = sweep(ctx, subject, out, compare.ByByte, 3)
	}, NodeTimeout(bootLimit))

	It("interrupts at the very byte that was asked for", func() {
		asked := map[string]int64{}
		for _, p := range bytes.Points {
			in, err := harness.ParseInject(p.Inject)
			Expect(err).NotTo(HaveOccurred())
			if in.At == "byte" {
				asked[p.Inject] = p.Byte - in.N
			}
		}
		Expect(len(asked)).To(BeNumerically(">=", 3))
		Expect(asked).To(HaveEach(BeZero()))
	})

	It("puts the edge of the whole WARN between two points that are a microsecond apart", func() {
		last := bytes.Points[len(bytes.Points)-1]
		Expect(last.Byte).To(Equal(bytes.Span))
		Expect(last.Warn.Stored).To(Equal(bytes.Expected[grade.Warn].Records), "at the end of the WARN all of it is stored")
		Expect(bytes.WarnStored).NotTo(BeNil())
		Expect(bytes.WarnStored.NotAt).NotTo(BeNil(), "the NMI at the provocation itself comes before the WARN")
		Expect(bytes.WarnStored.NS-*bytes.WarnStored.NotAt).To(BeNumerically("~", 0, 1000), "ns")
	})

	It("goes on with the points that are there", func(ctx SpecContext) {
		was := len(bytes.Points)
		more := sweep(ctx, subject, out, compare.ByByte, 5)
		Expect(more.Course).To(Equal(bytes.Course))
		Expect(more.Points).To(HaveLen(was + 2))
		Expect(outcomes(more)).To(ContainElements(outcomes(bytes)))
	}, SpecTimeout(bootLimit))

	It("by record comes after the last byte of records", func(ctx SpecContext) {
		records := sweep(ctx, subject, out+"-record", compare.ByRecord, 3)
		Expect(records.Course).To(Equal(bytes.Course), "the same events, whatever interrupts them")
		dir := filepath.Join(out+"-record", records.Reference)
		ref, err := harness.LoadTrial(dir)
		Expect(err).NotTo(HaveOccurred())
		line, _, err := wire.LoadDir(dir)
		Expect(err).NotTo(HaveOccurred())
		from := slices.IndexFunc(ref.Fired, func(f dut.Firing) bool { return f.Name == "provoke" })
		var before []string
		for _, p := range records.Points {
			if at := int64(ref.Fired[from].WireByte) + p.Byte; strings.HasPrefix(p.Inject, "byte:") {
				before = append(before, string(line.Bytes(at-1, at)))
			}
		}
		Expect(before).To(ContainElements("\n", "\n", "\n")) // others looked for the edge
		Expect(records.Points[len(records.Points)-1].Byte).To(Equal(bytes.Span))
	}, SpecTimeout(bootLimit))
})
