// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
)

// hogs starts n processes that do nothing but use a CPU, at the same priority as everything else. The returned function ends them; they end
// with this process too, however that happens.
func hogs(n int) (stop func(), err error) {
	var running []*exec.Cmd
	quit := make(chan struct{})
	stop = func() {
		close(quit)
		for _, c := range running {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	}
	started := make(chan error)
	go func() {
		// PR_SET_PDEATHSIG is bound to the thread that forked (prctl(2)).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var err error
		for range n {
			c := exec.Command("/bin/sh", "-c", "while :; do :; done")
			c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			if err = c.Start(); err != nil {
				break
			}
			running = append(running, c)
		}
		started <- err
		<-quit
	}()
	if err := <-started; err != nil {
		stop()
		return nil, fmt.Errorf("start CPU hog: %w", err)
	}
	return stop, nil
}
