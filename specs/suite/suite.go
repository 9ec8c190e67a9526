// SPDX-License-Identifier: Apache-2.0

// Package suite is what the suites of specs that boot machines have in common: how they are run, the command that they try, and the folder of
// their evidence.
package suite

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
	"github.com/onsi/gomega/format"
	"github.com/onsi/gomega/gexec"
)

// Run runs the specs of a package, unless the tests are to be short.
func Run(t *testing.T, title string, limit time.Duration) {
	if testing.Short() {
		t.Skip("-short: boots nothing")
	}
	format.MaxLength = 0
	gomega.RegisterFailHandler(ginkgo.Fail)
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.Timeout = limit
	ginkgo.RunSpecs(t, title, suite, reporter)
}

// Evidence makes the folder of a suite.
func Evidence(prefix string) string {
	ginkgo.GinkgoHelper()
	dir, err := os.MkdirTemp("", prefix)
	gomega.Expect(err).NotTo(gomega.HaveOccurred())
	return dir
}

// Command builds lastpage from this tree, and gives its path.
func Command() string {
	ginkgo.GinkgoHelper()
	path, err := gexec.Build("lastpage/cmd/lastpage")
	gomega.Expect(err).NotTo(gomega.HaveOccurred())
	return path
}

// Keep removes the evidence when all went well, and says where it is otherwise.
func Keep(r ginkgo.Report, evidence string) {
	if r.SuiteSucceeded {
		gomega.Expect(os.RemoveAll(evidence)).To(gomega.Succeed())
		return
	}
	fmt.Println("the evidence is kept in", evidence)
}
