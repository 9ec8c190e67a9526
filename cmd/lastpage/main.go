// SPDX-License-Identifier: Apache-2.0

// Command lastpage measures how much of what a dying Linux kernel has to say arrives on its serial console.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// Exit statuses.
const (
	exitPassed       = 0
	exitKernelFailed = 1 // the policy or the gate was not met
	exitInconclusive = 2 // we cannot tell
	exitLabFailed    = 3 // the lab failed, or the command was used wrongly
)

// verdict is an error that carries an exit status. Without an err nothing is printed.
type verdict struct {
	code int
	err  error
}

func (v *verdict) Error() string {
	if v.err == nil {
		return ""
	}
	return v.err.Error()
}
func (v *verdict) Unwrap() error { return v.err }

func inconclusive(format string, a ...any) error {
	return &verdict{exitInconclusive, fmt.Errorf(format, a...)}
}

func kernelFailed(format string, a ...any) error {
	return &verdict{exitKernelFailed, fmt.Errorf(format, a...)}
}

func main() {
	ctx := interruptible(context.Background(), os.Exit)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program as a function, so that tests can call it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &output{Writer: stdout}
	root := newRoot(out, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = out.err
	}
	if err == nil {
		return exitPassed
	}
	var v *verdict
	if errors.As(err, &v) {
		if v.err == nil {
			return v.code
		}
		complain(stderr, err)
		return v.code
	}
	if left := (*unfinished)(nil); pressed(ctx, err) && !errors.As(err, &left) {
		err = errInterrupted
	}
	complain(stderr, err)
	return exitLabFailed
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "lastpage",
		Short: "How much of a panic arrives on the serial line?",
		Long: `lastpage boots kernels on QEMU (or boards), provokes a WARN and a panic while a backlog
of messages is pending, captures the serial line at its real baud rate, compares it
with the printk ringbuffer, and grades how complete each way of flushing was.

  lastpage run                    stock kernels side by side
  lastpage gate                   does a patch lose messages? pass, fail or cannot tell
  lastpage dmesg TRIAL            what was stored
  lastpage grade TRIAL            judge a recorded trial again, with no board attached
  lastpage doctor                 what this machine can do

Exit status: 0 passed, 1 the kernel failed the policy, 2 inconclusive, 3 the lab or the usage failed.`,
		Version:       thisVersion().String(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(newRun(), newGate(), newBisect(), newCompare(), newSweep(), newMatrix(), renamed("strategies", newMatrix()), newGrade(), newBundle(), newExplain(), newMinimise(), newDmesg(), newRing(), newCapture(), newStress(), newKernels(), newBoards(), newNightly(), newDoctor(), newWire(), newVersion(), newMan())
	group(root)
	root.SetFlagErrorFunc(refuseFlag)
	helpful(root)
	complete(root)
	teach(root)
	return root
}
