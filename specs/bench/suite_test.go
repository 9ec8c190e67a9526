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
{{- if .BMC}}
    power: {ipmi: {host: 127.0.0.1, port: {{.BMC}}, user: lab, password: {{.Password}}}}
    nmi: {ipmi: {host: 127.0.0.1, port: {{.BMC}}, user: lab, password: {{.Password}}}}
{{- else}}
    power:
      command:
        on: {{.Control}} on
        off: {{.Control}} off
        state: {{.Control}} status
    nmi: {command: {{.Control}} nmi}
{{- end}}
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
	parts.TFTP, parts.Socket = filepath.Join(evidence, "tftp"), filepath.Join(evidence, "control")
	Expect(os.Mkdir(parts.TFTP, 0o755)).To(Succeed())
	parts.Console = start(parts.Socket, parts.TFTP)
	parts.Control = fmt.Sprintf("%s wire control %s", lastpage, parts.Socket)
	parts.Name = fmt.Sprintf("bench-%d", os.Getpid()) // leases are this machine's
	bench = write(parts)
})

// board is what an inventory's entry is made of.
type board struct {
	Name, Console, TFTP, Socket, Control string
	BMC                                  int // port; 0: commands switch it
	Password                             string
}

var parts board

// write writes an inventory of one board, and gives the lab that has it.
func write(b board) *kit.Lab {
	GinkgoHelper()
	path := filepath.Join(evidence, b.Name+".yaml")
	f, err := os.Create(path)
	Expect(err).NotTo(HaveOccurred())
	Expect(inventory.Execute(f, b)).To(Succeed())
	Expect(f.Close()).To(Succeed())
	return &kit.Lab{Dir: evidence, Board: b.Name, Inventory: path, Progress: GinkgoWriter}
}

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
