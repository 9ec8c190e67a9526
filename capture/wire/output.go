// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"unsafe"
)

// output is a file that is only appended to, some hundred times a second for each line. A write goes to the kernel's cache of files and takes
// about a microsecond, so Go's scheduler is not told of it: that would wake a thread each time, which costs ten times as much.
type output struct {
	*os.File
	conn syscall.RawConn
	rest []byte // of the write under way
	err  error
	step func(fd uintptr) bool // made once
}

// create makes a file that must not be there.
func create(path string) (*output, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	o := &output{File: f}
	if o.conn, err = f.SyscallConn(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	o.step = o.write
	return o, nil
}

// put writes all of b.
func (o *output) put(b []byte) error {
	o.rest, o.err = b, nil
	if err := o.conn.Write(o.step); err != nil {
		return err
	}
	if o.err != nil {
		return fmt.Errorf("write %s: %w", o.Name(), o.err)
	}
	return nil
}

func (o *output) write(fd uintptr) bool {
	for len(o.rest) > 0 {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&o.rest[0])), uintptr(len(o.rest)))
		switch {
		case errno == syscall.EINTR:
		case errno != 0:
			o.err = errno
			return true
		case n == 0:
			o.err = io.ErrShortWrite
			return true
		default:
			o.rest = o.rest[n:]
		}
	}
	return true
}
