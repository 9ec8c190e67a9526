// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Command is a program that we use: one that fills the entry of a build function of Do, with its temporary files in tmp, which Do removes;
// or with tmp "" one that we ask something. A terminal's Ctrl-C does not reach it, so that it never fails before we know why. When ctx ends
// it is killed with all that it has started.
func Command(ctx context.Context, tmp string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = os.Environ()
	if tmp != "" {
		cmd.Env = append(cmd.Env, "TMPDIR="+tmp)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd
}
