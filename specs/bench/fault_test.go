// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"

	"lastpage/harness/compare"
	"lastpage/kernels/store"
	"lastpage/lab"
	"lastpage/specs/parts"
)

// fault is one thing that goes wrong in a lab, and what a run must make of it.
type fault struct {
	kind     string   // of board
	edits    []string // of its inventory: what is there, and what takes its place, in turn
	scenario string   // "": panic
	args     []string // more for the command
	// before is called before the run, at after when the console has shown that. Both may be nil.
	before func(ctx context.Context, v *victim)
	at     string
	after  func(ctx context.Context, v *victim)

	exit   int
	says   string // expression for the one message
	kept   string // what the wire still holds afterwards; "": it was never opened
	graded bool   // the trial counts; else nothing may be charged to the kernel
	on     bool   // nothing could switch it off
}

// victim is a run with a fault.
type victim struct {
	board     *parts.Board
	name, dir string // of the board in its inventory; of the run
	inventory string
	session   *gexec.Session
}

// Exit statuses of the command.
const (
	exitPassed       = 0
	exitInconclusive = 2
	exitLab          = 3
	exitKilled       = 128 + 9
)

// words begin the parts of a trial on the console.
const (
	loaderWords  = "U-Boot 20"
	kernelWords  = "Linux version"
	reportWords  = "lastpage-report"
	backlogWords = " b 0 50 "
	panicWords   = "Kernel panic"
)

// newVictim writes the inventory of a board with a fault.
func newVictim(f *fault, name string) *victim {
	GinkgoHelper()
	b, _ := board(f.kind)
	v := &victim{board: b, name: b.Name + "-" + name, dir: filepath.Join(evidence, "fault-"+name)}
	var err error
	v.inventory, err = bench.Other(b, v.name, "", "")
	Expect(err).NotTo(HaveOccurred())
	v.edit(f.edits...)
	DeferCleanup(func() { // its lease and its mark are this machine's
		root, err := store.Root()
		Expect(err).NotTo(HaveOccurred())
		left, err := filepath.Glob(filepath.Join(root, "boards", v.name+".*"))
		Expect(err).NotTo(HaveOccurred())
		for _, path := range left {
			Expect(os.Remove(path)).To(Succeed())
		}
	})
	return v
}

// edit changes the inventory.
func (v *victim) edit(edits ...string) {
	GinkgoHelper()
	data, err := os.ReadFile(v.inventory)
	Expect(err).NotTo(HaveOccurred())
	text := string(data)
	for i := 0; i+1 < len(edits); i += 2 {
		was := strings.NewReplacer("CONTROL", v.board.Control, "CONSOLE", v.board.Console).Replace(edits[i])
		Expect(text).To(ContainSubstring(was))
		text = strings.Replace(text, was, edits[i+1], 1)
	}
	Expect(os.WriteFile(v.inventory, []byte(text), 0o644)).To(Succeed())
}

// command is the run.
func (v *victim) command(f *fault) *exec.Cmd {
	scenario, retries := f.scenario, "0"
	if f.graded {
		retries = "3"
	}
	if scenario == "" {
		scenario = "panic"
	}
	return exec.Command(lastpage, append([]string{"run", "--board", v.name, "--inventory", v.inventory, "--strategy", "legacy", "--scenario", scenario,
		"--courses", "1", "--retries", retries, "--quiet", "--out", v.dir}, f.args...)...)
}

// begin starts the run.
func (v *victim) begin(f *fault) {
	GinkgoHelper()
	var err error
	v.session, err = gexec.Start(v.command(f), GinkgoWriter, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { v.session.Kill().Wait(time.Minute) })
}

// wire is what the trial has kept of the console so far.
func (v *victim) wire() string {
	all, _ := filepath.Glob(filepath.Join(v.dir, "legacy", "course-001", "*", "wire.bin"))
	var text strings.Builder
	for _, path := range all {
		data, err := os.ReadFile(path)
		if err == nil {
			text.Write(data)
		}
	}
	return text.String()
}

// shows waits until the console has shown words, and is false if the run ended before: a kernel may die of a host that stalls.
func (v *victim) shows(ctx context.Context, words string) bool {
	GinkgoHelper()
	Eventually(func() bool { return strings.Contains(v.wire(), words) || v.session.ExitCode() >= 0 }).
		WithContext(ctx).WithTimeout(bootLimit).WithPolling(20 * time.Millisecond).Should(BeTrue())
	return v.session.ExitCode() < 0
}

// reach begins the run, and waits until the console has shown what the fault comes after.
func (v *victim) reach(ctx context.Context, f *fault) {
	GinkgoHelper()
	for try := 1; ; try++ {
		v.begin(f)
		if f.at == "" || v.shows(ctx, f.at) {
			return
		}
		Expect(try).To(BeNumerically("<", tries), "it ended before the console showed %q", f.at)
		v.dir += "-again"
	}
}

// state is what the board's own switch says.
func (v *victim) state(ctx context.Context) string {
	GinkgoHelper()
	out, err := run(ctx, "wire", "control", v.board.Socket, "status")
	Expect(err).NotTo(HaveOccurred(), out)
	return strings.TrimSpace(out)
}

// off switches the board off whatever its inventory says.
func (v *victim) off(ctx context.Context) {
	GinkgoHelper()
	out, err := run(ctx, "wire", "control", v.board.Socket, "off")
	Expect(err).NotTo(HaveOccurred(), out)
}

// suffer plays a fault, and states what holds after every one: one message, the status, a free lease, nothing charged to the kernel, and
// nothing lost that had come.
func (f *fault) suffer(ctx context.Context, name string) *victim {
	GinkgoHelper()
	v := newVictim(f, name)
	if f.before != nil {
		f.before(ctx, v)
	}
	v.reach(ctx, f)
	if f.after != nil {
		f.after(ctx, v)
	}
	Eventually(v.session).WithContext(ctx).WithTimeout(bootLimit).Should(gexec.Exit(f.exit))
	f.judge(ctx, v)
	return v
}

func (f *fault) judge(ctx context.Context, v *victim) {
	GinkgoHelper()
	said := string(v.session.Out.Contents()) + string(v.session.Err.Contents())
	AddReportEntry("message", said, ReportEntryVisibilityFailureOrVerbose)
	if f.says != "" {
		Expect(said).To(MatchRegexp(f.says))
	}
	l, err := lab.Leased(v.name)
	Expect(err).NotTo(HaveOccurred())
	Expect(l).To(BeNil(), "the lease is not free")
	if !f.on {
		Expect(v.state(ctx)).To(Equal("off"))
	}
	if f.kept != "" {
		Expect(v.wire()).To(ContainSubstring(f.kept))
	}
	data, err := os.ReadFile(filepath.Join(v.dir, compare.RunName))
	if errors.Is(err, fs.ErrNotExist) && !f.graded { // it did not come to that
		return
	}
	Expect(err).NotTo(HaveOccurred())
	r := new(compare.Run)
	Expect(json.Unmarshal(data, r)).To(Succeed())
	for _, row := range r.Rows {
		Expect(row.Dead()).To(BeNil(), "the kernel is blamed")
		Expect(row.Fault).NotTo(Equal(compare.KernelsFault), "the kernel is blamed")
		if f.graded {
			Expect(row.Graded()).To(HaveLen(1))
		} else {
			Expect(row.Graded()).To(BeEmpty(), "a letter for what the lab did")
		}
	}
}
