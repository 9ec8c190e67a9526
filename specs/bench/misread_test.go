// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"net"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// misread is a way to a board's bare port whose near end has another rate than the board, in baud, and gives its address.
func misread(board string, boards, ours int) string {
	GinkgoHelper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(ln.Close)
	pass := func(to, from net.Conn, sent, read int) {
		defer to.Close()
		defer from.Close()
		buf := make([]byte, 4096)
		for {
			n, err := from.Read(buf)
			if _, werr := to.Write(sampled(buf[:n], sent, read)); err != nil || werr != nil {
				return
			}
		}
	}
	go func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", board)
			if err != nil {
				near.Close()
				continue
			}
			go pass(near, far, boards, ours)
			go pass(far, near, ours, boards)
		}
	}()
	return ln.Addr().String()
}

// sampled is what a receiver of one rate makes of bytes that were sent without a pause at another, 8N1: it waits for a falling edge, and
// reads the line in the middle of each of its own bits. A stop bit that is none does not stop it, as a 16550 goes on.
func sampled(data []byte, sent, read int) (out []byte) {
	line := func(t float64) int { // level at t, in bits of the sender's; idle is 1
		bit := int(t)
		if bit < 0 || bit >= 10*len(data) {
			return 1
		}
		switch b := data[bit/10]; bit % 10 {
		case 0:
			return 0
		case 9:
			return 1
		default:
			return int(b>>(bit%10-1)) & 1
		}
	}
	own := float64(sent) / float64(read) // one of the receiver's bits
	const step = 1.0 / 16
	for t := 0.0; t < float64(10*len(data)); {
		if line(t) == 1 {
			t += step
			continue
		}
		var b byte
		for i := range 8 {
			b |= byte(line(t+own*(1.5+float64(i)))) << i
		}
		out = append(out, b)
		for t += own * 9.5; line(t) == 0; t += step { // a new character begins with an edge
		}
	}
	return out
}
