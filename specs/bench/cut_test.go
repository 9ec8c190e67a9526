// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"

	"lastpage/specs/parts"
)

// cutRelay makes this test binary a relay in a network of its own: its value is the folder with the socket of the other side. Once the file
// "cut" is in it, the network's only cable is pulled.
const cutRelay = "LASTPAGE_TEST_RELAY"

// cutAddr is the console's address in that network.
const cutAddr = "127.0.0.1:4001"

// relay carries connections to cutAddr to the socket, until it is killed.
func relay(dir string) error {
	ln, err := net.Listen("tcp", cutAddr)
	if err != nil {
		return err
	}
	go func() {
		for {
			if _, err := os.Stat(filepath.Join(dir, "cut")); err == nil {
				fmt.Println(exec.Command("ip", "link", "set", "lo", "down").Run())
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return carry(ln, "unix", filepath.Join(dir, "socket"))
}

// carry carries connections on until ln is closed.
func carry(ln net.Listener, network, address string) error {
	for {
		near, err := ln.Accept()
		if err != nil {
			return err
		}
		far, err := net.Dial(network, address)
		if err != nil {
			return errors.Join(err, near.Close())
		}
		for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
			go func() {
				_, _ = io.Copy(way[0], way[1])
				way[0].Close()
			}()
		}
	}
}

var _ = Describe("a network that is cut", Label("faults"), func() {
	It("has one message, and charges nothing to the kernel", func(ctx SpecContext) {
		costly()
		f := &fault{kind: parts.Plain, exit: exitInconclusive, kept: backlogWords, says: `the port went away 1 times`}
		v := newVictim(f, "cut")
		dir, err := os.MkdirTemp("", "cut-") // the path of a socket is short
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(os.RemoveAll, dir)
		ln, err := net.Listen("unix", filepath.Join(dir, "socket"))
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(ln.Close)
		go carry(ln, "tcp", v.board.Console) //nolint:errcheck // ends with ln
		v.edit("CONSOLE", cutAddr)
		self, err := os.Executable()
		Expect(err).NotTo(HaveOccurred())
		c := exec.Command("unshare", append([]string{"--map-root-user", "--net", "--pid", "--fork", "--kill-child", "sh", "-c",
			`ip link set lo up || exit 77; ` + cutRelay + `="$0" "$1" & sleep 1; shift; "$@"`, dir, self}, v.command(f).Args...)...)
		v.session, err = gexec.Start(c, GinkgoWriter, GinkgoWriter)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { v.session.Kill().Wait(time.Minute) })
		if !v.shows(ctx, backlogWords) {
			Skip(fmt.Sprintf("this user has no network of his own, or the board did not boot: status %d: %s", v.session.ExitCode(), v.session.Err.Contents()))
		}
		Expect(os.WriteFile(filepath.Join(dir, "cut"), nil, 0o644)).To(Succeed())
		Eventually(v.session).WithContext(ctx).WithTimeout(bootLimit).Should(gexec.Exit(f.exit))
		f.judge(ctx, v)
	}, SpecTimeout(bootLimit))
})
