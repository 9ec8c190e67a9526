// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/harness"
	"lastpage/lab"
	"lastpage/specs/kit"
	"lastpage/specs/parts"
)

// lossy is a way to the console that drops one byte of each connection's pattern while it is told to: what a bad cable does, but nothing of it
// hits what the loader says.
type lossy struct {
	addr  string
	drops atomic.Bool
}

func newLossy(to string) *lossy {
	GinkgoHelper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(l.Close)
	w := &lossy{addr: l.Addr().String()}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				client.Close()
				continue
			}
			go w.pass(server, client, false)
			go w.pass(client, server, true)
		}
	}()
	return w
}

// pass carries bytes from one to the other until one of them ends.
func (w *lossy) pass(to, from net.Conn, fromBoard bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 4096)
	for done := false; ; {
		n, err := from.Read(buf)
		out := buf[:n]
		if k := bytes.Index(out, []byte("LPD")); fromBoard && !done && w.drops.Load() && k >= 0 && k+30 < n {
			out, done = append(buf[:k+25:k+25], buf[k+26:n]...), true
		}
		if _, werr := to.Write(out); err != nil || werr != nil {
			return
		}
	}
}

var _ = Describe("a board whose line loses bytes", Label("bench"), Ordered, func() {
	It("is not graded until a check finds its line whole", func(ctx SpecContext) {
		b, _ := board(parts.Plain)
		way := newLossy(b.Console)
		name := b.Name + "-lossy"
		inventory, err := bench.Other(b, name, "", "rfc2217://"+way.addr)
		Expect(err).NotTo(HaveOccurred())
		l := &kit.Lab{Dir: evidence, Board: name, Inventory: inventory, Progress: GinkgoWriter}
		check := func() (string, error) {
			return run(ctx, "boards", "check", name, "--inventory", l.Inventory, "--time", "2s", "--quiet")
		}
		reference := func() (why string) {
			s, err := l.Subject(ctx, "legacy")
			Expect(err).NotTo(HaveOccurred())
			defer s.Bench.Rest()
			sc, err := harness.FindScenario("break-panic")
			Expect(err).NotTo(HaveOccurred())
			o := harness.Series{Scenario: sc}
			_, voids, err := o.Valid(ctx, s, harness.Try{Reference: true}, GinkgoT().TempDir(), "reference")
			Expect(err).NotTo(HaveOccurred())
			for _, v := range voids {
				why += strings.Join(v.Why, "\n")
			}
			return why
		}

		By("finding the one byte that it drops")
		way.drops.Store(true)
		out, err := check()
		Expect(err).To(HaveOccurred())
		Expect(out).To(MatchRegexp(`FAILED  line, from board .* 1 lost, 0 changed, 0 doubled, 0 inserted`))

		By("making a trial void, though nothing of its own bytes is lost")
		way.drops.Store(false)
		why := reference()
		Expect(why).To(ContainSubstring("1 were lost"))
		Expect(why).To(ContainSubstring("lastpage boards check " + name + " must pass"))

		By("grading again once the check passes, which clears the mark of a broken board too")
		for range 2 {
			Expect(lab.Failed(name, errors.New("power on: no answer"))).To(Succeed())
		}
		out, err = check()
		Expect(err).NotTo(HaveOccurred(), out)
		Expect(out).To(MatchRegexp(`mark +it was marked broken since .* \(power on: no answer\): that is cleared`))
		why = reference()
		Expect(why).NotTo(ContainSubstring("must pass"))
	}, SpecTimeout(bootLimit))
})
