// SPDX-License-Identifier: Apache-2.0

// Package child runs programs that cannot outlive this one: QEMUs, and what a test puts beside them. What they print is kept for the error
// that tells of their end.
package child

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a running program. It is killed when this one dies, however that happens.
type Process struct {
	name string
	cmd  *exec.Cmd
	out  *tail
	done chan struct{} // closed when the process has been reaped
	err  error         // valid after done
}

// Start starts argv with files, nil for none.
//
// PR_SET_PDEATHSIG is bound to the thread that forked, not to the process (prctl(2)), so that thread is kept by a locked goroutine for as
// long as the child lives.
func Start(argv []string, files *Files) (*Process, error) {
	p := &Process{name: filepath.Base(argv[0]), out: &tail{max: 16 << 10}, done: make(chan struct{})}
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if files != nil {
		p.cmd.ExtraFiles = files.list
	}
	p.cmd.WaitDelay = time.Second
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, fmt.Errorf("start %s: not found in PATH (setup.sh installs what is needed)", argv[0])
		}
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	return p, nil
}

// Kill ends the process and its group now and waits until it is reaped.
func (p *Process) Kill() {
	select {
	case <-p.done:
		return // its number may be another's by now
	default:
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has been reaped.
func (p *Process) Done() <-chan struct{} { return p.done }

// Failure describes a process that is gone, in its own last words.
func (p *Process) Failure() error {
	words := strings.TrimSpace(p.out.String())
	if words == "" {
		words = "it said nothing"
	}
	if p.err == nil {
		return fmt.Errorf("%s ended: %s", p.name, words)
	}
	return fmt.Errorf("%s ended (%w): %s", p.name, p.err, words)
}

// tail keeps the last max bytes written to it.
type tail struct {
	mu  sync.Mutex
	max int
	buf bytes.Buffer
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(b)
	if n := t.buf.Len() - t.max; n > 0 {
		t.buf.Next(n)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
