// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"
	"go.bug.st/serial"
)

// seen is what came out of a place of the bridge.
type seen struct {
	mu   sync.Mutex
	text []byte
}

func watch(r io.Reader) *seen {
	s := &seen{}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := r.Read(buf)
			s.mu.Lock()
			s.text = append(s.text, buf[:n]...)
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *seen) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text)
}

// The bridge of `lastpage wire bridge`, with a boot loader behind it that polls its UART: what is typed on a serial library's port at full
// rate is echoed to everybody who looks.
var _ = Describe("the bridge to a running guest", Label("bridge"), func() {
	It("carries a dialogue over the pty and the TCP port, and takes its guest with it", func(ctx SpecContext) {
		temp, err := os.MkdirTemp(evidence, "bridge-")
		Expect(err).NotTo(HaveOccurred())
		c := exec.Command(lastpage, "wire", "bridge", "--firmware", "u-boot")
		c.Env = append(os.Environ(), "TMPDIR="+temp)
		s, err := gexec.Start(c, GinkgoWriter, GinkgoWriter)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { s.Kill().Wait(waitLimit) })
		Eventually(s.Out).WithContext(ctx).WithTimeout(waitLimit).Should(gbytes.Say(`break .*\n`))
		pids := guestsOf(s.Command.Process.Pid)
		Expect(pids).To(HaveLen(1))
		place := func(name string) string {
			m := regexp.MustCompile(`(?m)^` + name + ` +(\S+)`).FindSubmatch(s.Out.Contents())
			Expect(m).NotTo(BeNil(), name)
			return string(m[1])
		}
		port, err := serial.Open(place("pty"), &serial.Mode{BaudRate: 9600}) // of no consequence
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(port.Close)
		conn, err := net.Dial("tcp", place("tcp"))
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(conn.Close)
		onPTY, onTCP := watch(port), watch(conn)

		By("stopping its autoboot")
		Eventually(func() string {
			_, err := port.Write([]byte("\r"))
			Expect(err).NotTo(HaveOccurred())
			return onPTY.all()
		}).WithContext(ctx).WithTimeout(waitLimit).WithPolling(100 * time.Millisecond).Should(ContainSubstring("=> "))

		By("typing lines in one piece, from both places in turn")
		for i, w := range []io.Writer{port, conn, port, conn} {
			text := fmt.Sprintf("<%d %s>", i, strings.Repeat("0123456789", 12))
			_, err := io.WriteString(w, "echo '"+text+"'\r")
			Expect(err).NotTo(HaveOccurred())
			Eventually(onTCP.all).WithContext(ctx).WithTimeout(waitLimit).Should(ContainSubstring("echo '" + text + "'\r\n" + text + "\r\n=> "))
		}

		By("comparing: TCP came later, from there on both have seen the same")
		Eventually(func() bool { return strings.HasSuffix(onPTY.all(), onTCP.all()) }).WithContext(ctx).WithTimeout(waitLimit).Should(BeTrue())

		By("ending it")
		s.Interrupt()
		Eventually(s).WithContext(ctx).WithTimeout(waitLimit).Should(gexec.Exit(0))
		Eventually(alive).WithArguments(pids).WithContext(ctx).WithTimeout(waitLimit).Should(BeEmpty(), "QEMU lives on")
		Expect(os.ReadDir(temp)).To(BeEmpty(), "temporary files")
		Expect(string(s.Err.Contents())).To(ContainSubstring("lost: 0 in its receiver, 0 in its transmitter, 0 on the pty"))
	}, SpecTimeout(bootLimit))
})
