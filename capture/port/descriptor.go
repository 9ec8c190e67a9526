// SPDX-License-Identifier: Apache-2.0

package port

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// descriptor is the kernel's end of a line, O_NONBLOCK; all kinds of port read and write through one.
type descriptor int

// wait returns when there is something to read, an end or an error, or after d.
func (fd descriptor) wait(d time.Duration) bool { return fd.poll(unix.POLLIN, d) }

func (fd descriptor) poll(events int16, d time.Duration) bool {
	set := []unix.PollFd{{Fd: int32(fd), Events: events}}
	n, err := unix.Poll(set, int(d.Milliseconds()))
	return n > 0 && err == nil
}

// get reads once; (0, nil): nothing was there.
func (fd descriptor) get(p []byte) (int, error) {
	n, err := unix.Read(int(fd), p)
	switch {
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
		return 0, nil
	case err != nil:
		return 0, err
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// put writes all of b; a line that takes nothing is waited for until ctx ends.
func (fd descriptor) put(ctx context.Context, b []byte) error {
	for sent := 0; sent < len(b); {
		n, err := unix.Write(int(fd), b[sent:])
		switch {
		case n > 0:
			sent += n
		case err == nil || errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("%d bytes were sent: %w", sent, err)
			}
			fd.poll(unix.POLLOUT, readWait)
		default:
			return fmt.Errorf("%d bytes were sent: %w", sent, err)
		}
	}
	return nil
}

// pending is how many bytes wait in the kernel for us; 0 where that is not told.
func (fd descriptor) pending() int {
	n, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

func (fd descriptor) Close() error { return unix.Close(int(fd)) }

// nap waits for d or the end of ctx.
func nap(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
