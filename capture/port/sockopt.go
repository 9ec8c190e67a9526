// SPDX-License-Identifier: Apache-2.0

package port

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// getsockopt is for options that x/sys has no form of.
func getsockopt(fd, level, name int, into []uint32, size *uint32) error {
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name),
		uintptr(unsafe.Pointer(&into[0])), uintptr(unsafe.Pointer(size)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
