// SPDX-License-Identifier: Apache-2.0

// Package gate_test tries the gate as its callers do: the command, killed and gone on with, two at once, and the recipes of the manual.
//
// LASTPAGE_KILLS is how many gates are killed, 2 without it. LASTPAGE_STRATEGIES=1 lets the recipes build a kernel; without it they say what
// they would build.
package gate_test

import (
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega/gexec"

	"lastpage/specs/suite"
)

// limit ends what would never end.
const limit = time.Hour

var (
	evidence string // folder of this suite's gates; removed when all went well
	lastpage string // the command, built from this tree
)

func TestGate(t *testing.T) { suite.Run(t, "the gate as a command", 4*time.Hour) }

var _ = BeforeSuite(func() {
	evidence = suite.Evidence("lastpage-gate-")
	lastpage = suite.Command()
})

var _ = AfterSuite(func() { gexec.CleanupBuildArtifacts() })

var _ = ReportAfterSuite("evidence", func(r Report) { suite.Keep(r, evidence) })
