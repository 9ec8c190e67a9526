// SPDX-License-Identifier: Apache-2.0

// Package board_test states what must hold on every board of an inventory: the promises of specs/qemu, as far as a board that is no QEMU can
// keep them.
//
// The inventory is the file that LASTPAGE_INVENTORY or -inventory names. Every board is a container of its own, so that parallel processes
// of Ginkgo are on different boards; each takes its board by a lease, and waits for whoever has it. LASTPAGE_BOARD_STRATEGIES names the
// strategies. Labels choose: board:NAME, strategy:NAME, scenario:NAME.
package board_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/format"

	"lastpage/lab"
)

// inventory is the file of boards.
var inventory = flag.String("inventory", os.Getenv("LASTPAGE_INVENTORY"), "inventory of the boards to try (also LASTPAGE_INVENTORY)")

// Bounds for whatever hangs.
const (
	bootLimit  = 30 * time.Minute
	leaseLimit = time.Hour
)

// evidence is the folder of this process's trials; removed when all went well.
var evidence string

// strategies are stock kernels: one with a legacy console, one with nbcon.
func strategies() []string {
	if names := os.Getenv("LASTPAGE_BOARD_STRATEGIES"); names != "" {
		return strings.Split(names, ",")
	}
	return []string{"legacy", "nbcon-rt"}
}

func TestBoards(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: boots nothing")
	}
	if *inventory == "" {
		t.Skip("no board: LASTPAGE_INVENTORY names no inventory (make bench-test brings one up)")
	}
	inv, err := lab.LoadInventory(*inventory)
	if err != nil {
		t.Fatal(err)
	}
	format.MaxLength = 0
	RegisterFailHandler(Fail)
	for _, b := range inv.Boards {
		describe(b, strategies())
	}
	suite, reporter := GinkgoConfiguration()
	suite.Timeout = 8 * time.Hour
	RunSpecs(t, "the boards of "+*inventory, suite, reporter)
}

var _ = BeforeSuite(func() {
	var err error
	evidence, err = os.MkdirTemp("", "lastpage-board-")
	Expect(err).NotTo(HaveOccurred())
})

var _ = AfterEach(func() { failed = failed || CurrentSpecReport().Failed() })

// failed: a specification of this process has.
var failed bool

var _ = AfterSuite(func() {
	if failed {
		fmt.Println("the evidence is kept in", evidence)
		return
	}
	Expect(os.RemoveAll(evidence)).To(Succeed())
})
