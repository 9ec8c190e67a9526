// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"bufio"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/harness/grade"
)

// python is Debian's, which has the BMC's library if the package python3-pyghmi is installed.
const python = "/usr/bin/python3"

// startBMC runs a BMC in front of the machine, and gives its port.
func startBMC() int {
	GinkgoHelper()
	// A port that is free now; a BMC cannot be told to choose one.
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	at := c.LocalAddr().(*net.UDPAddr).Port
	Expect(c.Close()).To(Succeed())
	cmd := exec.Command(python, append([]string{"testdata/bmc.py", strconv.Itoa(at), "lab", "secret"}, strings.Fields(parts.Control)...)...)
	cmd.Stderr = GinkgoWriter
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(cmd.Start()).To(Succeed())
	DeferCleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	Expect(err).NotTo(HaveOccurred())
	Expect(line).To(Equal("listening\n"))
	return at
}

var _ = Describe("a board with a BMC", Label("bench"), Ordered, func() {
	b := board{}
	BeforeAll(func() {
		if err := exec.Command(python, "-c", "import pyghmi").Run(); err != nil {
			Skip("there is no BMC to be had: the package python3-pyghmi is not installed")
		}
		b = parts
		b.Name, b.Password, b.BMC = parts.Name+"-bmc", "secret", startBMC()
	})

	It("is switched, and panics by power diag with a backlog pending", func(ctx SpecContext) {
		g := interrupted(ctx, write(b), "nmi-panic").Grade
		Expect(g.Letter).To(Equal("A"))
		Expect(g.Sections[grade.Panic].Complete).To(BeTrue())
		Expect(g.PendingAtInject.Records).To(BeNumerically(">", 0))
	}, SpecTimeout(bootLimit))

	It("says so when its password is another", func(ctx SpecContext) {
		bad := b
		bad.Name, bad.Password = b.Name+"-bad", "wrong"
		l := write(bad)
		out, err := run(ctx, "boards", "check", bad.Name, "--inventory", l.Inventory, "--quiet")
		Expect(err).To(HaveOccurred())
		Expect(out).To(ContainSubstring("power off: the BMC 127.0.0.1:"))
		Expect(out).To(ContainSubstring("does not know this user or password"))
	}, SpecTimeout(bootLimit))
})
