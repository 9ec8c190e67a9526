// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
)

// process is a QEMU that ends with this process, however that happens.
type process struct {
	cmd  *exec.Cmd
	out  bytes.Buffer  // what it printed; read it only after gone
	gone chan struct{} // closed when it was reaped
	once sync.Once
}

// startProcess runs argv with files as its descriptors 3, 4, ...
func startProcess(argv []string, files []*os.File) (*process, error) {
	p := &process{cmd: exec.Command(argv[0], argv[1:]...), gone: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.ExtraFiles = files
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error, 1)
	go func() {
		// PR_SET_PDEATHSIG is bound to the thread that forked (prctl(2)).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait()
			close(p.gone)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	return p, nil
}

func (p *process) kill() {
	p.once.Do(func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) })
	<-p.gone
}

// words are what it printed, for an error; it must be gone.
func (p *process) words() string { return strings.TrimSpace(p.out.String()) }
