// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"lastpage/kernels/store"
)

// killAfter is how long make has to stop its children and remove what they were writing.
const killAfter = 10 * time.Second

// watcher runs a command in a process group and kills the group when our end of the pipe on descriptor 3 closes: when we die,
// no matter how. It leaves the command as the child that is waited for.
const watcher = `(read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 & exec "$@" 3<&-`

// group runs a command with its children as one process group, output to out. When ctx ends, the group gets SIGTERM and, if
// that does not end it, SIGKILL.
func group(ctx context.Context, env []string, out *os.File, args ...string) error {
	alive, held, err := os.Pipe()
	if err != nil {
		return err
	}
	defer held.Close()
	defer alive.Close()
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", watcher, "sh"}, args...)...)
	cmd.Env = append(environ(), env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.ExtraFiles = []*os.File{alive}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = killAfter
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run %s: %w", args[0], err)
	}
	pgid := cmd.Process.Pid
	err = cmd.Wait()
	// Whoever of the group is left, the watcher at least.
	if kerr := syscall.Kill(-pgid, syscall.SIGKILL); kerr != nil && !errors.Is(kerr, syscall.ESRCH) {
		err = errors.Join(err, kerr)
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", program(args), err)
	}
	return nil
}

// program is the name of what a command line runs at lower priority.
func program(args []string) string {
	if args[0] == "nice" && len(args) > 3 {
		return args[3]
	}
	return args[0]
}

// environ is ours without what a make above us hands down, and without a language: messages are searched for "error:".
func environ() []string {
	var env []string
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		switch {
		case strings.HasPrefix(name, "MAKE"), name == "MFLAGS", name == "LC_ALL", strings.HasPrefix(name, "KBUILD_"),
			strings.HasPrefix(name, "KCONFIG_"), name == "ARCH", name == "CROSS_COMPILE", name == "LOCALVERSION", name == "O":
		default:
			env = append(env, e)
		}
	}
	return append(env, "LC_ALL=C")
}

func output(ctx context.Context, dir string, args ...string) ([]byte, error) {
	return answer(command(ctx, dir, args...), args)
}

// asking is output of a program that may have to ask for a password. It needs our terminal for that, and gets its Ctrl-C with us.
func asking(ctx context.Context, args ...string) ([]byte, error) {
	cmd := command(ctx, "", args...)
	cmd.SysProcAttr.Setpgid = false
	cmd.Cancel = func() error { return cmd.Process.Kill() }
	out, err := answer(cmd, args)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGINT {
		select { // ours is on its way
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return out, err
}

func answer(cmd *exec.Cmd, args []string) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		text := strings.TrimSpace(stderr.String())
		return nil, fmt.Errorf("run %s: %w: %s", strings.Join(args, " "), err, text[max(0, len(text)-1000):])
	}
	return out, nil
}

// input feeds data to a command and returns all it says.
func input(ctx context.Context, dir string, data []byte, args ...string) ([]byte, error) {
	cmd := command(ctx, dir, args...)
	cmd.Stdin = bytes.NewReader(data)
	return cmd.CombinedOutput()
}

func command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := store.Command(ctx, "", args...)
	cmd.Dir = dir
	cmd.Env = environ()
	return cmd
}
