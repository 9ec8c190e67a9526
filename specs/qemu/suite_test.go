// SPDX-License-Identifier: Apache-2.0

// Package qemu_test states what must hold for stock kernels on QEMU, with the very machinery that `lastpage run` uses.
//
// Kernels come from the catalogue and the cache, trials from lab and harness; what goes out are verdicts, a JUnit file, and on failure
// the folders with the evidence. The two kernels of the default table are always tried; LASTPAGE_ALL_KERNELS=1 adds the others.
// Specs state facts about messages. None asserts how long anything takes: a SpecTimeout only ends what would never end.
package qemu_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/format"
	"github.com/onsi/gomega/gexec"

	"lastpage/specs/kit"
)

// Bounds for whatever hangs. A boot on a machine that has a tenth of a CPU to spare takes some minutes.
const (
	bootLimit = 30 * time.Minute
	waitLimit = 15 * time.Minute
)

var (
	evidence string // folder of this suite's runs; removed when all went well
	lastpage string // the command, built from this tree
)

func TestQEMU(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: boots nothing")
	}
	format.MaxLength = 0
	RegisterFailHandler(Fail)
	suite, reporter := GinkgoConfiguration()
	suite.Timeout = 2 * time.Hour
	RunSpecs(t, "stock kernels on QEMU", suite, reporter)
}

var _ = BeforeSuite(func() {
	var err error
	evidence, err = os.MkdirTemp("", "lastpage-specs-")
	Expect(err).NotTo(HaveOccurred())
	bench = &kit.Lab{Dir: evidence, Progress: GinkgoWriter}
	lastpage, err = gexec.Build("lastpage/cmd/lastpage")
	Expect(err).NotTo(HaveOccurred())
})

var _ = AfterSuite(func() { gexec.CleanupBuildArtifacts() })

var _ = ReportAfterSuite("evidence", func(r Report) {
	if r.SuiteSucceeded {
		Expect(os.RemoveAll(evidence)).To(Succeed())
		return
	}
	fmt.Println("the evidence is kept in", evidence)
})
