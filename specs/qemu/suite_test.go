// SPDX-License-Identifier: Apache-2.0

// Package qemu_test states what must hold for stock kernels on QEMU, with the very machinery that `lastpage run` uses.
//
// Kernels come from the catalogue and the cache, trials from lab and harness; what goes out are verdicts, a JUnit file, and on failure
// the folders with the evidence. The two kernels of the default table are always tried; LASTPAGE_ALL_KERNELS=1 adds the others.
// Specs state facts about messages. None asserts how long anything takes: a SpecTimeout only ends what would never end.
package qemu_test

import (
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega/gexec"

	"lastpage/specs/kit"
	"lastpage/specs/suite"
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

func TestQEMU(t *testing.T) { suite.Run(t, "stock kernels on QEMU", 2*time.Hour) }

var _ = BeforeSuite(func() {
	evidence = suite.Evidence("lastpage-specs-")
	bench = &kit.Lab{Dir: evidence, Progress: GinkgoWriter}
	lastpage = suite.Command()
})

var _ = AfterSuite(func() { gexec.CleanupBuildArtifacts() })

var _ = ReportAfterSuite("evidence", func(r Report) { suite.Keep(r, evidence) })
