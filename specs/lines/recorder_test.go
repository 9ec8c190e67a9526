// SPDX-License-Identifier: Apache-2.0

package lines_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/capture/wire"
)

// recorder is a process that records lines.
type recorder struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	dirs   []string // of its lines, in their order
	idle   cost     // before anything was sent
}

// starts lets one process record these lines below out, and returns when it has begun.
func starts(out string, lines ...*line) *recorder {
	GinkgoHelper()
	r := &recorder{}
	args := []string{"capture", "--quiet", "--out", out}
	for _, l := range lines {
		args = append(args, l.slave)
		dir := out
		if len(lines) > 1 {
			dir = filepath.Join(out, strings.ReplaceAll(strings.TrimPrefix(l.slave, "/dev/"), "/", "-"))
		}
		r.dirs = append(r.dirs, dir)
	}
	r.cmd = exec.Command(lastpage, args...)
	r.cmd.Stderr = &r.stderr
	Expect(r.cmd.Start()).To(Succeed())
	DeferCleanup(func() {
		if r.cmd.ProcessState == nil {
			_ = r.cmd.Process.Kill()
			_ = r.cmd.Wait()
		}
	})
	for _, d := range r.dirs {
		Eventually(filepath.Join(d, wire.IdxName)).WithTimeout(hang).Should(BeAnExistingFile(), r.stderr.String)
	}
	return r
}

// cost is what it has used up to now.
func (r *recorder) cost() cost {
	GinkgoHelper()
	c, err := costOf(r.cmd.Process.Pid)
	Expect(err).NotTo(HaveOccurred())
	return c
}

// ends lets it end as Ctrl-C does. lossy says that it found its captures void.
func (r *recorder) ends() (lossy bool) {
	GinkgoHelper()
	Expect(r.cmd.Process.Signal(os.Interrupt)).To(Succeed())
	err := r.cmd.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 2 {
		return true
	}
	Expect(err).NotTo(HaveOccurred(), r.stderr.String)
	return false
}

// peak is the most that was ever resident, bytes, with all pages that it shared.
func (r *recorder) peak() int64 {
	return r.cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
}

const hang = 2 * time.Minute // only a hang takes so long
