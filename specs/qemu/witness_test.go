// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/harness"
	"lastpage/lab"
)

// ourDmesg is what `lastpage dmesg` prints for a trial.
func ourDmesg(ctx context.Context, t *harness.Trial) []string {
	GinkgoHelper()
	return output(ctx, lastpage, "dmesg", t.Dir())
}

// vmcoreDmesg is what vmcore-dmesg (kexec-tools) prints for the trial's ring.elf.
func vmcoreDmesg(ctx context.Context, t *harness.Trial) []string {
	GinkgoHelper()
	path, err := lab.Witness("vmcore-dmesg")
	Expect(err).NotTo(HaveOccurred())
	return output(ctx, path, filepath.Join(t.Dir(), harness.RingName))
}

// makedumpfile is what `makedumpfile --dump-dmesg` writes for the trial's ring.elf.
func makedumpfile(ctx context.Context, t *harness.Trial) []string {
	GinkgoHelper()
	out := filepath.Join(t.Dir(), "makedumpfile.txt")
	output(ctx, "makedumpfile", "--dump-dmesg", filepath.Join(t.Dir(), harness.RingName), out)
	text, err := os.ReadFile(out)
	Expect(err).NotTo(HaveOccurred())
	return lines(text)
}

// output runs a program and gives its lines, so that a difference is shown by its line.
func output(ctx context.Context, name string, args ...string) []string {
	GinkgoHelper()
	var said strings.Builder
	c := exec.CommandContext(ctx, name, args...)
	c.Stderr = &said
	out, err := c.Output()
	Expect(err).NotTo(HaveOccurred(), "%s %v said: %s", name, args, &said)
	return lines(out)
}

func lines(text []byte) []string { return strings.SplitAfter(string(text), "\n") }
