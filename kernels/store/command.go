// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Command is a command that fills an entry, for build functions of Do: a compiler, or make. When ctx ends it is killed with all that it
// has started, and what these had in temporary files lies in tmp, which Do removes.
func Command(ctx context.Context, tmp string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd
}
