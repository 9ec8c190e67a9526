// SPDX-License-Identifier: Apache-2.0

package lines_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/capture/pattern"
	"lastpage/capture/wire"
)

// memoryOfALine bounds what a line may cost, bytes. It is of the proportional size (smaps_rollup's Pss): the text of the program is shared.
const memoryOfALine = 4 << 20

// size is how many lines talk and for how long: LASTPAGE_LINES="64 10m".
func size() (n int, long time.Duration) {
	GinkgoHelper()
	return asked("LASTPAGE_LINES", 8, 5*time.Second)
}

// asked is a number and a time from the environment, such as "64 10m"; n and long if it has none.
func asked(name string, n int, long time.Duration) (int, time.Duration) {
	GinkgoHelper()
	if s := os.Getenv(name); s != "" {
		var text string
		_, err := fmt.Sscan(s, &n, &text)
		Expect(err).NotTo(HaveOccurred(), `%s is a number and a time, such as "64 10m"`, name)
		long, err = time.ParseDuration(text)
		Expect(err).NotTo(HaveOccurred(), name)
	}
	return n, long
}

var _ = DescribeTable("many lines at 115200 baud", Label("lines"), func(perProcess bool, piece int, form pattern.Form, newlines bool) {
	n, long := size()
	dir, err := os.MkdirTemp(evidence, "run-")
	Expect(err).NotTo(HaveOccurred())
	lines := make([]*line, n)
	for i := range lines {
		lines[i] = newLine(form, newlines, int64(long.Seconds()*rate/pattern.FrameBytes))
	}
	var all []*recorder
	if perProcess {
		for i, l := range lines {
			all = append(all, starts(filepath.Join(dir, strconv.Itoa(i)), l))
		}
	} else {
		all = append(all, starts(filepath.Join(dir, "all"), lines...))
	}
	time.Sleep(time.Second)
	for _, r := range all {
		r.idle = r.cost()
	}
	self, begin := ownCPU(), time.Now()
	Expect(play(lines, piece)).To(Succeed())
	self, took := ownCPU()-self, time.Since(begin)
	var used cost
	for _, r := range all {
		c := r.cost()
		c.cpu -= r.idle.cpu
		used.add(c)
	}
	Eventually(func() (had int64) {
		for _, r := range all {
			for _, d := range r.dirs {
				if st, err := os.Stat(filepath.Join(d, wire.BinName)); err == nil {
					had += st.Size()
				}
			}
		}
		return had
	}).WithTimeout(hang).WithPolling(100 * time.Millisecond).Should(Equal(taken(lines)))

	var lost, unmarked, index, peak int64
	next := 0
	for _, r := range all {
		lossy := r.ends()
		peak = max(peak, r.peak())
		for _, d := range r.dirs {
			l := lines[next]
			next++
			got := l.judge(d)
			index += got.index
			lost += got.Lost
			Expect(got.Changed+got.Doubled+got.Inserted).To(BeZero(), "%s: %+v", d, got)
			Expect(got.Lost).To(Equal(l.refused), "what the kernel took is on disk: %s: %+v", d, got)
			if got.Lost > 0 && !(lossy && got.marked) {
				unmarked += got.Lost
			}
		}
	}
	AddReportEntry(fmt.Sprintf("%d lines for %v in pieces of %d bytes: %.1f %% of a processor (%.1f %% more to send them), %d KiB of memory a line (private %d; at most %d resident at once in a process), %d bytes of index a line, %d bytes lost",
		n, took.Round(time.Second), piece, percent(used.cpu, took), percent(self, took), used.pss/int64(n)>>10, used.uss/int64(n)>>10, peak>>10, index/int64(n), lost))
	Expect(unmarked).To(BeZero(), "bytes that were lost without a mark")
	if !perProcess {
		Expect(used.pss / int64(n)).To(BeNumerically("<=", memoryOfALine))
	}
},
	Entry("one process, as USB adapters send", false, 62, pattern.Binary, true),
	Entry("one process, as a UART's FIFO is emptied", false, 16, pattern.Binary, true),
	Entry("one process, without one end of a line", false, 62, pattern.Text, false),
	Entry("a process for each line, as USB adapters send", true, 62, pattern.Binary, true),
)

// taken is what the kernel took of what was sent.
func taken(lines []*line) (n int64) {
	for _, l := range lines {
		n += l.sent - l.refused
	}
	return n
}

func percent(part, whole time.Duration) float64 { return 100 * part.Seconds() / whole.Seconds() }
