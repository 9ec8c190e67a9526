// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"bytes"
	"net"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/dut/bench/power"
	"lastpage/specs/parts"
)

var _ = Describe("a board with a BMC", Label("bench"), func() {
	It("says so when the password is another", func(ctx SpecContext) {
		b, _ := board(parts.BMC)
		inventory, err := bench.Other(b, b.Name+"-bad", "wrong", "")
		Expect(err).NotTo(HaveOccurred())
		out, err := run(ctx, "boards", "check", b.Name+"-bad", "--inventory", inventory, "--quiet")
		Expect(err).To(HaveOccurred())
		Expect(out).To(ContainSubstring("power off: the BMC 127.0.0.1:"))
		Expect(out).To(ContainSubstring("does not know this user or password"))
	}, SpecTimeout(bootLimit))

	// What a client that waits for a second sends again draws another number from the BMC, and the client goes on with the first: the session
	// never opens.
	It("is asked anew when it answers late", func(ctx SpecContext) {
		b, _ := board(parts.BMC)
		port, kept := tardy(b.BMC)
		i := &power.IPMI{Host: "127.0.0.1", Port: port, User: parts.User, Password: parts.Password}
		Expect(i.Check()).To(Succeed())
		Expect(i.State(ctx)).To(Equal(power.Off))
		Expect(kept).To(BeClosed())
	}, SpecTimeout(bootLimit))
})

// rakp2 are the type of session and the type of payload of the BMC's answer that has its number in it (IPMI 2.0, table 13-16).
var rakp2 = []byte{0x06, 0x13}

// tardy is a way to a BMC's port that keeps the first such answer until what was sent again is answered too. kept is closed then.
func tardy(bmc int) (port int, kept chan struct{}) {
	GinkgoHelper()
	near, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(near.Close)
	kept = make(chan struct{})
	answers := func(far *net.UDPConn, client *net.UDPAddr, spoil bool) {
		var late []byte
		buf := make([]byte, 2048)
		for {
			n, err := far.Read(buf)
			if err != nil {
				return
			}
			answer := buf[:n]
			if spoil && n > 6 && bytes.Equal(answer[4:6], rakp2) {
				if late == nil {
					late = bytes.Clone(answer)
					continue
				}
				_, _ = near.WriteToUDP(late, client)
				spoil = false
				close(kept)
			}
			_, _ = near.WriteToUDP(answer, client)
		}
	}
	go func() {
		clients := map[string]*net.UDPConn{}
		buf := make([]byte, 2048)
		for {
			n, client, err := near.ReadFromUDP(buf)
			if err != nil {
				for _, far := range clients {
					far.Close()
				}
				return
			}
			far := clients[client.String()]
			if far == nil {
				if far, err = net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: bmc}); err != nil {
					return
				}
				go answers(far, client, len(clients) == 0)
				clients[client.String()] = far
			}
			_, _ = far.Write(buf[:n])
		}
	}()
	return near.LocalAddr().(*net.UDPAddr).Port, kept
}
