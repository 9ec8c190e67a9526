// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/grade"
	"lastpage/kernels/store"
)

// victim is a command that is interrupted.
type victim struct {
	args    []string
	outcome func(dir string) []string // what is in its --out; nil: it has none, and takes its end as it is
	ready   string                    // on its standard output, from when on Ctrl-C is its ordinary end; "": never

	cache string // LASTPAGE_CACHE; "": the user's
	takes time.Duration
	whole []string // outcome of an uninterrupted one
}

func small(args ...string) []string {
	return append(args, "--board", "qemu-smp1", "--strategy", "legacy", "--backlog", "40")
}

func victims() map[string]*victim {
	return map[string]*victim{
		"run":           {args: small("run", "--courses", "2", "--trials", "2"), outcome: trialsIn},
		"sweep":         {args: small("sweep", "--points", "3"), outcome: pointsIn},
		"matrix":        {args: small("matrix", "--courses", "0", "--scenario", "warn-nmi-panic", "--scenario", "warn", "--trials", "2"), outcome: trialsIn},
		"wire bridge":   {args: []string{"wire", "bridge", "--kernel", "debian-6.12"}, ready: "break .*\n"},
		"kernels build": {args: []string{"kernels", "build"}},
	}
}

// attack is a command under way, with temporary files and a mark of its own.
type attack struct {
	*gexec.Session
	temp, mark string
}

func (v *victim) start(dir, out string) *attack {
	GinkgoHelper()
	a := &attack{temp: filepath.Join(dir, "tmp"), mark: "LASTPAGE_SPEC=" + dir}
	Expect(os.MkdirAll(a.temp, 0o755)).To(Succeed())
	args := v.args
	if v.outcome != nil {
		args = append(slices.Clone(args), "--out", out)
	}
	c := exec.Command(lastpage, args...)
	c.Env = append(os.Environ(), "TMPDIR="+a.temp, a.mark)
	if v.cache != "" {
		c.Env = append(c.Env, "LASTPAGE_CACHE="+v.cache)
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	a.Session, err = gexec.Start(c, GinkgoWriter, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { a.Kill().Wait(waitLimit) })
	return a
}

// press is Ctrl-C as a terminal has it: for the whole foreground group. A group that has ended takes none.
func (a *attack) press() {
	GinkgoHelper()
	if err := syscall.Kill(-a.Command.Process.Pid, syscall.SIGINT); !errors.Is(err, syscall.ESRCH) {
		Expect(err).NotTo(HaveOccurred())
	}
}

// left lists the processes that have the mark of a: whatever it has started, and whatever that has. A zombie has no environment.
func (a *attack) left() (all []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		env, _ := os.ReadFile(f) // of another user, or ended
		if slices.Contains(strings.Split(string(env), "\x00"), a.mark) {
			argv, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "cmdline"))
			all = append(all, filepath.Base(filepath.Dir(f))+" "+strings.ReplaceAll(string(argv), "\x00", " "))
		}
	}
	return all
}

// measure lets it go to its end once, or until it is clear how long the part takes in which it may be interrupted.
func (v *victim) measure(ctx SpecContext, dir string) {
	GinkgoHelper()
	if v.takes > 0 {
		return
	}
	began := time.Now()
	a := v.start(dir, filepath.Join(dir, "out"))
	switch {
	case v.outcome != nil:
		Eventually(a.Session).WithContext(ctx).WithTimeout(bootLimit).Should(gexec.Exit(0))
		v.takes = time.Since(began)
		v.whole = v.outcome(filepath.Join(dir, "out"))
		Expect(v.whole).NotTo(BeEmpty())
		return
	case v.ready != "":
		Eventually(a.Out).WithContext(ctx).WithTimeout(bootLimit).Should(gbytes.Say(v.ready))
	default:
		Eventually(a.Err).WithContext(ctx).WithTimeout(bootLimit).Should(gbytes.Say(`compile: [0-9]+ of `))
	}
	v.takes = time.Since(began) * 3 / 2
	a.press()
	Eventually(a.Session).WithContext(ctx).WithTimeout(waitLimit).Should(gexec.Exit())
}

// trialsIn gives the grade of every trial below dir and the digest of its wire. What was put aside does not count.
func trialsIn(dir string) (all []string) {
	GinkgoHelper()
	Expect(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != harness.TrialName || strings.Contains(path, ".left-") {
			return err
		}
		t, err := harness.LoadTrial(filepath.Dir(path))
		if err != nil {
			return err
		}
		line, err := os.ReadFile(filepath.Join(filepath.Dir(path), "wire.bin"))
		if err != nil {
			return err
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s: %s %x\n", strings.TrimPrefix(filepath.Dir(path), dir), t.Status, sha256.Sum256(line))
		err = grade.WriteText(&b, t.Grade)
		all = append(all, b.String())
		return err
	})).To(Succeed())
	return all
}

// pointsIn gives the points of the sweep in dir and where its edges are.
func pointsIn(dir string) []string {
	GinkgoHelper()
	data, err := os.ReadFile(filepath.Join(dir, compare.SweepName))
	Expect(err).NotTo(HaveOccurred())
	var sw compare.Sweep
	Expect(json.Unmarshal(data, &sw)).To(Succeed())
	edges, err := json.Marshal([]*compare.Edge{sw.WarnStored, sw.WarnSent})
	Expect(err).NotTo(HaveOccurred())
	return append(outcomes(&sw), sw.Status+" "+sw.Course+" "+string(edges))
}

// buildCache is a cache beside the user's in which no kernel is built: the source and what compilers have made already are the user's.
// Its name is "" if the source is not there, or the number of moments was not asked for: configuring takes its time.
func buildCache() string {
	GinkgoHelper()
	if os.Getenv("LASTPAGE_INTERRUPTS") == "" {
		return ""
	}
	root, err := store.Root()
	Expect(err).NotTo(HaveOccurred())
	if found, _ := filepath.Glob(filepath.Join(root, "source", "[^.]*")); len(found) == 0 {
		return ""
	}
	dir, err := os.MkdirTemp(filepath.Dir(root), "lastpage-specs-") // beside: the source is linked, not copied
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(store.RemoveAll(dir)).To(Succeed()) })
	for _, kind := range []string{"source", "resolved", "deb", "apt", "ccache"} {
		Expect(os.Symlink(filepath.Join(root, kind), filepath.Join(dir, kind))).To(Succeed())
	}
	return dir
}
