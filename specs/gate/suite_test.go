// SPDX-License-Identifier: Apache-2.0

// Package gate_test tries the gate as its callers do: the command, killed and gone on with, two at once, and the recipes of the manual.
//
// LASTPAGE_KILLS is how many gates are killed, 2 without it. LASTPAGE_STRATEGIES=1 lets the recipes build a kernel; without it they say what
// they would build.
package gate_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/format"
	"github.com/onsi/gomega/gexec"
)

// limit ends what would never end.
const limit = time.Hour

var (
	evidence string // folder of this suite's gates; removed when all went well
	lastpage string // the command, built from this tree
)

func TestGate(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: boots nothing")
	}
	format.MaxLength = 0
	RegisterFailHandler(Fail)
	suite, reporter := GinkgoConfiguration()
	suite.Timeout = 4 * time.Hour
	RunSpecs(t, "the gate as a command", suite, reporter)
}

var _ = BeforeSuite(func() {
	var err error
	evidence, err = os.MkdirTemp("", "lastpage-gate-")
	Expect(err).NotTo(HaveOccurred())
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
