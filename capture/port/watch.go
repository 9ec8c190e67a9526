// SPDX-License-Identifier: Apache-2.0

package port

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// watch waits for something to read in Go's own poller: a line that talks costs no thread, and no call of the scheduler for each wait. Its zero
// value is ready to use.
type watch struct {
	file  *os.File // a descriptor of its own, of the same open file
	conn  syscall.RawConn
	until time.Time // when the wait that is asked for ends
}

// wait returns when there is something to read at fd, an end or an error, or after d at most.
func (w *watch) wait(fd descriptor, d time.Duration) bool {
	if w.file == nil && w.open(fd) != nil {
		return fd.wait(d)
	}
	if now := time.Now(); now.After(w.until) { // an older deadline is as good: whoever waits looks again
		w.until = now.Add(d)
		if err := w.file.SetReadDeadline(w.until); err != nil {
			return fd.wait(d)
		}
	}
	err := w.conn.Read(func(fd uintptr) bool { return descriptor(fd).wait(0) })
	return err == nil
}

func (w *watch) open(fd descriptor) error {
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	w.file = os.NewFile(uintptr(own), "port")
	w.conn, err = w.file.SyscallConn()
	return err
}

func (w *watch) Close() {
	if w.file != nil {
		_ = w.file.Close()
	}
}
