// SPDX-License-Identifier: Apache-2.0

package lines_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"lastpage/capture/pattern"
	"lastpage/capture/wire"
)

// rate of a line, bytes/s: 115200 bit/s at ten bits a byte.
const rate = 11520

// line is a pty whose master sends the pattern at the rate of a serial line. What the kernel does not take at its time is lost, as it is on a
// wire: nothing waits for a reader.
type line struct {
	master  *os.File
	fd      int
	slave   string
	stream  pattern.Stream
	writer  *pattern.Writer
	bare    bool   // line feeds are sent as vertical tabs: the line has no end
	made    []byte // of the pattern, and not sent yet
	sent    int64  // bytes that were due by now, taken or not
	refused int64  // bytes of these that the kernel did not take
}

// newLine makes a pty with n frames to send.
func newLine(form pattern.Form, newlines bool, frames int64) *line {
	GinkgoHelper()
	m, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(m.Close)
	l := &line{master: m, fd: int(m.Fd()), stream: pattern.NewStream(form), bare: !newlines}
	l.writer = l.stream.Writer(frames)
	Expect(unix.IoctlSetPointerInt(l.fd, unix.TIOCSPTLCK, 0)).To(Succeed())
	n, err := unix.IoctlGetInt(l.fd, unix.TIOCGPTN)
	Expect(err).NotTo(HaveOccurred())
	l.slave = fmt.Sprintf("/dev/pts/%d", n)
	Expect(unix.SetNonblock(l.fd, true)).To(Succeed())
	return l
}

// due sends what a line would have sent by now, in pieces of so many bytes.
func (l *line) due(total int64, piece int) error {
	for !l.over() && total-l.sent >= int64(piece) {
		for len(l.made) < piece && !l.writer.Over() {
			n := len(l.made)
			if l.made = l.writer.Next(l.made, 1); l.bare {
				swap(l.made[n:], '\n', '\v')
			}
		}
		part := l.made[:min(piece, len(l.made))]
		n, err := unix.Write(l.fd, part)
		if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("send on %s: %w", l.slave, err)
		}
		l.sent += int64(len(part))
		l.refused += int64(len(part) - max(0, n))
		l.made = append(l.made[:0], l.made[len(part):]...)
	}
	return nil
}

// swap puts one byte in place of another.
func swap(b []byte, from, to byte) {
	for i, c := range b {
		if c == from {
			b[i] = to
		}
	}
}

func (l *line) over() bool { return l.writer.Over() && len(l.made) == 0 }

// play sends on all lines until their streams are over. The pieces of different lines do not begin together.
func play(lines []*line, piece int) error {
	begin := time.Now()
	for going := true; going; {
		time.Sleep(time.Millisecond)
		total := int64(time.Since(begin).Seconds() * rate)
		going = false
		for i, l := range lines {
			if err := l.due(total-int64(piece*i/len(lines)), piece); err != nil {
				return err
			}
			going = going || !l.over()
		}
	}
	return nil
}

// judged is what a capture has of a line.
type judged struct {
	pattern.Result
	marked bool  // it has a mark of a loss
	index  int64 // bytes of its index
}

// judge reads the capture in a folder.
func (l *line) judge(dir string) (j judged) {
	GinkgoHelper()
	log, info, err := wire.LoadDir(dir)
	Expect(err).NotTo(HaveOccurred())
	Expect(info.Finished).To(BeTrue(), info.Why)
	for _, m := range log.Marks() {
		j.marked = j.marked || m.Kind.Lossy()
	}
	b := log.Bytes(0, log.Len())
	if l.bare {
		Expect(bytes.IndexByte(b, '\n')).To(BeNumerically("<", 0), "it was to have no line end")
		swap(b, '\v', '\n')
	}
	r := l.stream.Reader()
	r.Feed(b)
	r.Sent(l.sent / pattern.FrameBytes)
	j.Result = r.Finish()
	st, err := os.Stat(filepath.Join(dir, wire.IdxName))
	Expect(err).NotTo(HaveOccurred())
	j.index = st.Size()
	return j
}
