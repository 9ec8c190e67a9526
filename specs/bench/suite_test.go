// SPDX-License-Identifier: Apache-2.0

// Package bench_test states what must hold on a board that is put together from parts, as labs have them: a console behind a terminal server
// (RFC 2217), a power switch and a diagnostic button that are commands, U-Boot and TFTP, and a program that brings the memory.
//
// The machine is a QEMU behind `lastpage wire bridge`, and nothing of the board's own code knows that. It runs in a folder of this suite, on
// ports that the system chooses, and ends with it, however that ends.
package bench_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/format"
	"github.com/onsi/gomega/gexec"

	"lastpage/specs/kit"
)

// Bounds for whatever hangs.
const (
	bootLimit = 30 * time.Minute
	endLimit  = 20 * time.Second
)

var (
	evidence string // folder of this suite; removed when all went well
	lastpage string // the command, built from this tree
	boards   string // the inventory
	bench    *kit.Lab
)

func TestBench(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: boots nothing")
	}
	format.MaxLength = 0
	RegisterFailHandler(Fail)
	suite, reporter := GinkgoConfiguration()
	suite.Timeout = time.Hour
	RunSpecs(t, "a bench of parts", suite, reporter)
}

// inventory is the bench as a user writes it down.
var inventory = template.Must(template.New("boards").Parse(`boards:
  - name: {{.Name}}
    kind: bench
    about: U-Boot behind a terminal server
    cpus: 1
    console: rfc2217://{{.Console}}
    power:
      command:
        on: {{.Control}} on
        off: {{.Control}} off
        state: {{.Control}} status
    nmi: {command: {{.Control}} nmi}
    boot:
      u-boot:
        folder: {{.TFTP}}
        setup: ["setenv autoload no; pci enum; virtio scan; dhcp"]
        kernel-at: 0x4000000
        initrd-at: 0x8000000
        start: zboot
    dump:
      command:
        run: {{.Control}} dump "$LASTPAGE_DUMP"
        within: 3m
    within: {boot: 10m}
`))

var _ = BeforeSuite(func(ctx SpecContext) {
	var err error
	evidence, err = os.MkdirTemp("", "lastpage-bench-")
	Expect(err).NotTo(HaveOccurred())
	lastpage, err = gexec.Build("lastpage/cmd/lastpage")
	Expect(err).NotTo(HaveOccurred())
	tftp, control := filepath.Join(evidence, "tftp"), filepath.Join(evidence, "control")
	Expect(os.Mkdir(tftp, 0o755)).To(Succeed())
	console := start(control, tftp)
	boards = filepath.Join(evidence, "boards.yaml")
	f, err := os.Create(boards)
	Expect(err).NotTo(HaveOccurred())
	name := fmt.Sprintf("bench-%d", os.Getpid()) // leases are this machine's
	Expect(inventory.Execute(f, map[string]string{"Name": name, "Console": console, "TFTP": tftp,
		"Control": fmt.Sprintf("%s wire control %s", lastpage, control)})).To(Succeed())
	Expect(f.Close()).To(Succeed())
	bench = &kit.Lab{Dir: evidence, Board: name, Inventory: boards, Progress: GinkgoWriter}
})

// start runs the machine and gives the address of its console.
func start(control, tftp string) (console string) {
	cmd := exec.Command(lastpage, "wire", "bridge", "--firmware", "u-boot", "--memory", "512", "--tftp", tftp, "--control", control, "--quiet")
	cmd.Stderr = GinkgoWriter
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(cmd.Start()).To(Succeed())
	ended := make(chan error, 1)
	DeferCleanup(func() {
		Expect(cmd.Process.Signal(os.Interrupt)).To(Succeed())
		select {
		case err := <-ended:
			Expect(err).NotTo(HaveOccurred())
		case <-time.After(endLimit):
			Expect(cmd.Process.Kill()).To(Succeed())
			Fail("the bridge did not end")
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if place, ok := strings.CutPrefix(lines.Text(), "rfc2217 "); ok {
			console = strings.TrimSpace(place)
		}
		if strings.HasPrefix(lines.Text(), "break ") {
			break
		}
	}
	go func() {
		_, _ = io.Copy(io.Discard, out)
		ended <- cmd.Wait()
	}()
	Expect(console).NotTo(BeEmpty(), "the bridge told no RFC 2217 port")
	return console
}

var _ = AfterSuite(func() { gexec.CleanupBuildArtifacts() })

var _ = ReportAfterSuite("evidence", func(r Report) {
	if r.SuiteSucceeded {
		Expect(os.RemoveAll(evidence)).To(Succeed())
		return
	}
	fmt.Println("the evidence is kept in", evidence)
})

// run runs the command and gives its output.
func run(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, lastpage, args...).CombinedOutput()
	return string(out), err
}
