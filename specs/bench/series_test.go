// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/harness/compare"
	"lastpage/kernels/plan"
	"lastpage/specs/parts"
)

// length is how many trials a series has: LASTPAGE_SERIES, or one.
func length() int {
	if n, err := strconv.Atoi(os.Getenv("LASTPAGE_SERIES")); err == nil && n > 0 {
		return n
	}
	return 1
}

// series runs trials in a row, unattended, and gives what became of them.
func series(ctx context.Context, name, inventory, scenario string, retries int, more ...string) *compare.Run {
	GinkgoHelper()
	dir := filepath.Join(evidence, "series-"+scenario)
	out, err := run(ctx, append([]string{"run", "--board", name, "--inventory", inventory, "--strategy", "legacy", "--scenario", scenario,
		"--courses", "1", "--trials", fmt.Sprint(length()), "--retries", fmt.Sprint(retries), "--quiet", "--out", dir}, more...)...)
	AddReportEntry("series", out)
	data, rerr := os.ReadFile(filepath.Join(dir, compare.RunName))
	Expect(rerr).NotTo(HaveOccurred(), "%v: %s", err, out)
	r := new(compare.Run)
	Expect(json.Unmarshal(data, r)).To(Succeed())
	return r
}

var _ = Describe("a series that nobody attends", Label("series"), func() {
	It("grades every trial alike, and says why others are void", func(ctx SpecContext) {
		if length() < 2 {
			Skip("one trial is what the specs of trials make: LASTPAGE_SERIES=20 makes a series")
		}
		b, _ := board(parts.Plain)
		r := series(ctx, b.Name, bench.Inventory, "break-panic", tries, "--inject", "share:30%")
		row := r.Rows[0]
		AddReportEntry("figures", fmt.Sprintf("%d graded, %d void: %v", len(row.Graded()), len(row.Voids()), row.Voids()))
		Expect(row.Fault).To(BeEmpty(), row.Why)
		Expect(row.Graded()).To(HaveLen(length()))
		for _, g := range row.Graded() {
			Expect(g.Letter).To(Equal("A"), g.Why)
		}
		for _, v := range row.Voids() {
			Expect(v.Why).NotTo(BeEmpty())
		}
	}, SpecTimeout(2*bootLimit))

	It("grades none when one byte of a hundred is lost between the board and the capture", func(ctx SpecContext) {
		b, _ := board(parts.Plain)
		leak := lose(b.Bare)
		name := b.Name + "-leaky"
		inventory, err := bench.Other(b, name, "", "tcp:"+leak.addr)
		Expect(err).NotTo(HaveOccurred())
		r := series(ctx, name, inventory, "panic", 0)
		row := r.Rows[0]
		AddReportEntry("figures", fmt.Sprintf("%d graded, %d void, %d bytes were lost: %v", len(row.Graded()), len(row.Voids()), leak.lost.Load(), row.Voids()))
		Expect(leak.lost.Load()).To(BeNumerically(">", 0))
		Expect(row.Graded()).To(BeEmpty())
		Expect(row.Voids()).To(HaveLen(length()))
		for _, v := range row.Voids() {
			Expect(v.Why).To(ContainElement(MatchRegexp("wire|bytes|hole")))
		}
	}, SpecTimeout(2*bootLimit))
})

// leaky is a cable that loses one byte of a hundred from when the guest has reported on, so that the board can still boot.
type leaky struct {
	addr string
	lost atomic.Int64
}

// lose puts it before a bare port.
func lose(port string) *leaky {
	GinkgoHelper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(ln.Close)
	l := &leaky{addr: ln.Addr().String()}
	go func() {
		for n := uint64(1); ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go l.carry(c, port, n)
		}
	}()
	return l
}

// carry carries one connection, each of which loses other bytes.
func (l *leaky) carry(c net.Conn, port string, seed uint64) {
	defer c.Close()
	board, err := net.Dial("tcp", port)
	if err != nil {
		return
	}
	defer board.Close()
	go func() {
		_, _ = io.Copy(board, c)
		board.Close()
	}()
	chance := rand.New(rand.NewPCG(seed, 100))
	buf := make([]byte, 4096)
	var seen []byte
	for reported := false; ; {
		n, err := board.Read(buf)
		if err != nil {
			return
		}
		data := buf[:n]
		if !reported {
			if _, err := c.Write(data); err != nil {
				return
			}
			seen = append(seen, data...)
			last := max(0, bytes.LastIndex(seen, []byte(plan.ReportWord)))
			reported = bytes.Count(seen, []byte(plan.ReportWord)) >= 2 && bytes.IndexByte(seen[last:], '\n') >= 0 // it is sent twice
			continue
		}
		kept := data[:0]
		for _, b := range data {
			if chance.IntN(100) == 0 {
				l.lost.Add(1)
				continue
			}
			kept = append(kept, b)
		}
		if _, err := c.Write(kept); err != nil {
			return
		}
	}
}
