// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"
)

// levelFile is the kernel's console_loglevel, with three other numbers.
const levelFile = "/proc/sys/kernel/printk"

// silence keeps the kernel from printing into the pattern; undo lets it speak again.
func silence() (undo func(), err error) {
	data, err := os.ReadFile(levelFile)
	if err != nil {
		return nil, err
	}
	level, _, _ := strings.Cut(string(data), "\t")
	if err := os.WriteFile(levelFile, []byte("1"), 0); err != nil {
		return nil, err
	}
	return func() { _ = os.WriteFile(levelFile, []byte(level), 0) }, nil
}

// tty is the port, raw. The init has it open too and keeps its settings.
type tty struct {
	fd  int
	was syscall.Termios
}

func openTTY(name string) (*tty, error) {
	// Without O_NONBLOCK open(2) waits for a carrier; without it afterwards write(2) takes everything.
	fd, err := syscall.Open(name, syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	t := &tty{fd: fd}
	if err := t.ioctl(syscall.TCGETS, unsafe.Pointer(&t.was)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	raw := t.was
	raw.Iflag, raw.Oflag, raw.Lflag = 0, 0, 0
	raw.Cc[syscall.VMIN], raw.Cc[syscall.VTIME] = 0, 1 // a read that gets nothing ends after 0.1 s
	if err := t.ioctl(syscall.TCSETS, unsafe.Pointer(&raw)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, syscall.SetNonblock(fd, false)
}

func (t *tty) ioctl(request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(t.fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

func (t *tty) write(b []byte) error {
	for len(b) > 0 {
		n, err := syscall.Write(t.fd, b)
		if err != nil && err != syscall.EINTR {
			return fmt.Errorf("write: %w", err)
		}
		b = b[max(0, n):]
	}
	return nil
}

// read gives what is there; 0: nothing was.
func (t *tty) read(b []byte) (int, error) {
	n, err := syscall.Read(t.fd, b)
	if err != nil && err != syscall.EINTR {
		return 0, fmt.Errorf("read: %w", err)
	}
	return max(0, n), nil
}

// Requests of include/uapi/asm-generic/ioctls.h.
const (
	tcsbrk      = 0x5409
	tiocgicount = 0x545d
)

// drain returns when the last bit has left: tcdrain(3).
func (t *tty) drain() error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(t.fd), tcsbrk, 1); errno != 0 {
		return fmt.Errorf("drain: %w", errno)
	}
	return nil
}

// counters are struct serial_icounter_struct of include/uapi/linux/serial.h.
type counters struct {
	cts, dsr, rng, dcd, rx, tx           int32
	frame, overrun, parity, brk, bufOver int32
	_                                    [9]int32
}

func (t *tty) counters() (c counters, ok bool) {
	return c, t.ioctl(tiocgicount, unsafe.Pointer(&c)) == nil
}

func (t *tty) close() error {
	if err := t.ioctl(syscall.TCSETS, unsafe.Pointer(&t.was)); err != nil {
		return fmt.Errorf("restore the port: %w", err)
	}
	return syscall.Close(t.fd)
}
