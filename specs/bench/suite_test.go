// SPDX-License-Identifier: Apache-2.0

// Package bench_test states what must hold of the parts of a bench: that a trial on it is that of the direct QEMU board, that each part's
// fault has its words, that nothing which a cable loses is charged to the kernel, and that witnesses of the ringbuffer agree.
//
// The bench is specs/parts; what must hold on any board is in specs/board. Everything runs in a folder of this suite, on ports that the
// system chooses, and ends with it, however that ends.
package bench_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"

	"lastpage/specs/kit"
	"lastpage/specs/parts"
	"lastpage/specs/suite"
)

// bootLimit bounds whatever hangs.
const bootLimit = 30 * time.Minute

var (
	evidence string // folder of this suite; removed when all went well
	lastpage string // the command, built from this tree
	bench    *parts.Bench
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(cutRelay); dir != "" {
		fmt.Println(relay(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestBench(t *testing.T) { suite.Run(t, "a bench of parts", 2*time.Hour) }

var _ = BeforeSuite(func() {
	var err error
	evidence = suite.Evidence("lastpage-bench-")
	lastpage = suite.Command()
	// Leases are this machine's: the names are this process's.
	bench, err = parts.Start(context.Background(), parts.Options{Lastpage: lastpage, Dir: evidence, Prefix: fmt.Sprintf("bench-%d-", os.Getpid()), Log: GinkgoWriter})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(bench.Stop()).To(Succeed()) })
	for _, l := range bench.Lacks {
		AddReportEntry("not on this bench: " + l)
	}
})

// board is the board of a kind, with the lab that has it. A kind for which this machine lacks a part is skipped, with the part's name.
func board(kind string) (*parts.Board, *kit.Lab) {
	GinkgoHelper()
	b := bench.Find(kind)
	if b == nil {
		Skip(fmt.Sprintf("not on this bench: %v (setup.sh installs the parts)", bench.Lacks))
	}
	inventory := bench.Inventory
	if kind == parts.Kdump {
		inventory = bench.Crash
	}
	return b, &kit.Lab{Dir: evidence, Board: b.Name, Inventory: inventory, Progress: GinkgoWriter}
}

// remembering is a board of a kind whose dump comes after a reset, and a file in which the reset leaves its memory as it was before.
func remembering(kind string) (l *kit.Lab, image string) {
	GinkgoHelper()
	b, _ := board(kind)
	name := b.Name + "-read"
	image = filepath.Join(evidence, kind+".core")
	inventory, err := bench.Dumping(b, name, image)
	Expect(err).NotTo(HaveOccurred())
	return &kit.Lab{Dir: evidence, Board: name, Inventory: inventory, Progress: GinkgoWriter}, image
}

var _ = AfterSuite(func() { gexec.CleanupBuildArtifacts() })

var _ = ReportAfterSuite("evidence", func(r Report) { suite.Keep(r, evidence) })

// run runs the command and gives its output.
func run(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, lastpage, args...).CombinedOutput()
	return string(out), err
}
