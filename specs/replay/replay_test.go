// SPDX-License-Identifier: Apache-2.0

// Package replay_test grades trials that were recorded once, with no board, no kernel and no QEMU: one odd thing in each, and in its
// header what must come out. The form of the files is that of harness/grade/replay, which brings its own; more are in testdata.
package replay_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/harness/grade"
	"lastpage/harness/grade/replay"
)

func TestReplay(t *testing.T) {
	RegisterFailHandler(Fail)
	all, err := recorded()
	if err != nil {
		t.Fatal(err)
	}
	var _ = Describe("a recorded trial is graded as its header says:", func() { gradeAll(all) })
	RunSpecs(t, "recorded trials")
}

// recorded are all recorded trials.
func recorded() ([]*replay.Case, error) {
	all, err := replay.Cases()
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		c, err := replay.Parse(strings.TrimSuffix(filepath.Base(file), ".txt"), text)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func gradeAll(all []*replay.Case) {
	var names []string
	for _, c := range all {
		names = append(names, c.Name)
		It(c.Name+": "+c.Title, func() {
			Expect(c.Expect).NotTo(BeEmpty())
			g := grade.Make(c.Input)
			var text strings.Builder
			Expect(grade.WriteText(&text, g)).To(Succeed())
			AddReportEntry(c.Name, text.String(), ReportEntryVisibilityFailureOrVerbose)
			wrong, err := c.Check(g)
			Expect(err).NotTo(HaveOccurred())
			Expect(wrong).To(BeEmpty())
		})
	}
	It("is there for every odd thing that a wire is known to show", func() {
		Expect(names).To(ContainElements("clean", "torn-tail", "replay", "wrap-dropped", "garbled", "warn-never-stored", "reserved",
			"suppressed", "two-cpus", "newest-first"))
	})
}
