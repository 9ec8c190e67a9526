// SPDX-License-Identifier: Apache-2.0

package parts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// task is a process of the bench.
type task struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // valid then
}

// start starts a program, which ends with this process however that ends: the thread that forked it is kept (prctl(2), PR_SET_PDEATHSIG).
func (b *Bench) start(ctx context.Context, argv ...string) (*task, io.Reader, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = endLimit
	cmd.Stdout, cmd.Stderr = w, b.o.Log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	t := &task{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		w.Close()
		if started <- err; err != nil {
			return
		}
		t.err = cmd.Wait()
		close(t.ended)
	}()
	if err := <-started; err != nil {
		r.Close()
		return nil, nil, err
	}
	b.tasks = append(b.tasks, t)
	return t, r, nil
}

// endLimit bounds the end of a part that was asked to end.
const endLimit = 20 * time.Second

// Stop takes the bench down, the last part first.
func (b *Bench) Stop() error {
	var all error
	for _, t := range slices.Backward(b.tasks) {
		_ = t.cmd.Process.Signal(os.Interrupt) // one that has ended needs none
		select {
		case <-t.ended:
		case <-time.After(endLimit):
			all = errors.Join(all, fmt.Errorf("%s did not end in %s", t.cmd.Path, endLimit), t.cmd.Process.Kill())
		}
	}
	b.tasks = nil
	return all
}
