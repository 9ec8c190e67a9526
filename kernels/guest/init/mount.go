// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"syscall"
)

// mount makes /dev, /proc and /sys, and takes standard input, output and error off the console.
func mount() error {
	for _, m := range []struct{ fs, dir string }{{"devtmpfs", "/dev"}, {"proc", "/proc"}, {"sysfs", "/sys"}} {
		if err := os.MkdirAll(m.dir, 0o755); err != nil {
			return err
		}
		// EBUSY: CONFIG_DEVTMPFS_MOUNT was quicker.
		if err := syscall.Mount(m.fs, m.dir, m.fs, 0, ""); err != nil && err != syscall.EBUSY {
			return fmt.Errorf("mount %s: %w", m.dir, err)
		}
	}
	for fd, file := range []string{"/dev/null", "/dev/null", "/dev/kmsg"} {
		n, err := syscall.Open(file, syscall.O_RDWR, 0)
		if err != nil {
			return fmt.Errorf("open %s: %w", file, err)
		}
		if err := syscall.Dup3(n, fd, 0); err != nil && n != fd {
			return fmt.Errorf("take over descriptor %d: %w", fd, err)
		}
		if n > 2 {
			syscall.Close(n)
		}
	}
	return nil
}
