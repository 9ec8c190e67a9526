package qemu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a QEMU that cannot outlive the harness: it is killed when its parent thread dies, however that happens.
type process struct {
	cmd  *exec.Cmd
	out  *tail
	done chan struct{} // closed when the process has been reaped
	err  error         // valid after done
}

// startProcess starts argv with files as descriptors 3, 4, ... in the child.
//
// PR_SET_PDEATHSIG is bound to the thread that forked, not to the process (prctl(2)), so that thread is kept by a locked goroutine for as
// long as the child lives.
func startProcess(argv []string, files []*os.File) (*process, error) {
	p := &process{out: &tail{max: 16 << 10}, done: make(chan struct{})}
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.ExtraFiles = files
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
			return nil, fmt.Errorf("start %s: not found: install the package qemu-system-x86 (setup.sh does)", argv[0])
		}
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	return p, nil
}

// kill ends the process now and waits until it is reaped.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// wait returns nil when the process is gone, or the context's error.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// failure describes a process that is gone, in QEMU's own last words.
func (p *process) failure() error {
	words := strings.TrimSpace(p.out.String())
	if words == "" {
		words = "it said nothing"
	}
	if p.err == nil {
		return fmt.Errorf("qemu ended: %s", words)
	}
	return fmt.Errorf("qemu ended (%w): %s", p.err, words)
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
