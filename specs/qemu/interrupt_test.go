// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
)

// interrupts is how many moments are tried: LASTPAGE_INTERRUPTS, else 3.
func interrupts() int {
	text := os.Getenv("LASTPAGE_INTERRUPTS")
	if text == "" {
		return 3
	}
	n, err := strconv.Atoi(text)
	Expect(err).NotTo(HaveOccurred(), "LASTPAGE_INTERRUPTS")
	Expect(n).To(BeNumerically(">", 0), "LASTPAGE_INTERRUPTS")
	return n
}

// Ctrl-C, at whatever moment, ends a command and all that it has started, and leaves nothing but what it can go on with. The moments are
// drawn from Ginkgo's seed (-ginkgo.seed), of the time that an uninterrupted command takes. How long each end took is reported, and not judged.
var _ = Describe("Ctrl-C", Label("interrupt"), Ordered, ContinueOnFailure, func() {
	var (
		all    = victims()
		seed   = GinkgoRandomSeed()
		draw   = rand.New(rand.NewPCG(uint64(seed), 0))
		ended  []time.Duration // of each interrupted command, from the signal until nothing of it was left
		equal  int             // went on to the outcome of an uninterrupted one
		late   int             // were at their end before
		hangUp = func(ctx SpecContext, a *attack) time.Duration {
			GinkgoHelper()
			pressed := time.Now()
			a.press()
			Eventually(a.Session).WithContext(ctx).WithTimeout(waitLimit).WithPolling(time.Millisecond).Should(gexec.Exit())
			Eventually(a.left).WithContext(ctx).WithTimeout(waitLimit).WithPolling(time.Millisecond).Should(BeEmpty(), "lives on")
			return time.Since(pressed)
		}
		prepare = func(ctx SpecContext, name string) (v *victim, dir string) {
			GinkgoHelper()
			v = all[name]
			if name == "kernels build" && v.cache == "" {
				Skip("without LASTPAGE_INTERRUPTS, or the kernel source in the cache")
			}
			dir, err := os.MkdirTemp(evidence, "interrupt-")
			Expect(err).NotTo(HaveOccurred())
			v.measure(ctx, filepath.Join(dir, "whole"))
			return v, dir
		}
	)

	BeforeAll(func() { all["kernels build"].cache = buildCache() })

	AfterAll(func() {
		if len(ended) > 0 {
			AddReportEntry("Ctrl-C", fmt.Sprintf("seed %d: %d interrupted, all gone within %s, half of them within %s; %d had ended before; %d went on to the outcome of an uninterrupted one",
				seed, len(ended), slices.Max(ended).Round(time.Millisecond), slices.Sorted(slices.Values(ended))[len(ended)/2].Round(time.Millisecond), late, equal))
		}
	})

	names := []string{"run", "sweep", "matrix", "wire bridge", "kernels build"}
	for i := range interrupts() {
		if i%len(names) == 0 {
			draw.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		}
		name, share := names[i%len(names)], draw.Float64()
		It(fmt.Sprintf("%d: ends %s, %.1f %% into it", i+1, name, 100*share), func(ctx SpecContext) {
			v, dir := prepare(ctx, name)
			out := filepath.Join(dir, "out")
			a := v.start(dir, out)
			time.Sleep(time.Duration(share * float64(v.takes)))
			gone := hangUp(ctx, a)
			said := string(a.Err.Contents())
			AddReportEntry(name, fmt.Sprintf("at %s of %s: status %d, gone within %s", time.Duration(share*float64(v.takes)).Round(time.Millisecond),
				v.takes.Round(time.Millisecond), a.ExitCode(), gone.Round(time.Millisecond)))
			Expect(os.ReadDir(a.temp)).To(BeEmpty(), "temporary files")

			switch {
			case v.ready != "" && strings.Contains(string(a.Out.Contents()), "break "):
				Expect(a.ExitCode()).To(Equal(0), "there it is its ordinary end")
			case a.ExitCode() == 0:
				late++
			case a.ExitCode() == 128+int(syscall.SIGINT):
				Expect(said).To(BeEmpty(), "it died before it had begun")
				Expect(out).NotTo(BeAnExistingFile(), "and left nothing")
			default:
				Expect(a.ExitCode()).To(Equal(3))
				Expect(said).To(ContainSubstring("interrupted"))
			}
			if a.ExitCode() != 0 || v.ready != "" {
				ended = append(ended, gone)
			}
			if v.outcome == nil {
				return
			}
			if a.ExitCode() != 0 {
				if _, err := os.Stat(out); err == nil {
					Expect(said).To(ContainSubstring("--out " + out))
				} else {
					Expect(said).NotTo(ContainSubstring("--out"))
				}
				again := v.start(dir, out)
				Eventually(again.Session).WithContext(ctx).WithTimeout(bootLimit).Should(gexec.Exit(0))
				Expect(os.ReadDir(again.temp)).To(BeEmpty(), "temporary files")
			}
			Expect(v.outcome(out)).To(ConsistOf(v.whole))
			equal++
		}, SpecTimeout(2*bootLimit))
	}

	It("twice ends it at once", func(ctx SpecContext) {
		share := draw.Float64()
		v, dir := prepare(ctx, "run")
		a := v.start(dir, filepath.Join(dir, "out"))
		time.Sleep(time.Duration(share * float64(v.takes)))
		a.press()
		gone := hangUp(ctx, a)
		AddReportEntry("run", fmt.Sprintf("%.1f %% into it: status %d, gone within %s of the second Ctrl-C", 100*share, a.ExitCode(), gone.Round(time.Millisecond)))
		Expect(a.ExitCode()).To(Or(Equal(3), Equal(0))) // it may have ended before
		if a.ExitCode() == 3 {
			Expect(string(a.Err.Contents())).To(Or(ContainSubstring("interrupted"), ContainSubstring("ended at once")))
		}
	}, SpecTimeout(bootLimit))
})
