// SPDX-License-Identifier: Apache-2.0

// Package lines_test states what must hold of a machine that records many lines at once: nothing is lost, and what a line costs in memory is
// bounded however long it talks. What it costs in processor time is told.
package lines_test

import (
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega/gexec"

	"lastpage/specs/suite"
)

var (
	evidence string // folder of this suite; removed when all went well
	lastpage string // the command, built from this tree
)

func TestLines(t *testing.T) { suite.Run(t, "many lines at once", 8*time.Hour) }

var _ = BeforeSuite(func() {
	evidence = suite.Evidence("lastpage-lines-")
	lastpage = suite.Command()
})

var _ = AfterSuite(func() { gexec.CleanupBuildArtifacts() })

var _ = ReportAfterSuite("evidence", func(r Report) { suite.Keep(r, evidence) })
