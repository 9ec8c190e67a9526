// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"lastpage/kernels/plan"
)

// control is the channel to the harness: a virtio-serial port, or lines on the console. It is read and written by plain system calls; the
// runtime's poller would be one more thing that runs in the machine under test.
type control struct {
	fd      int
	opened  bool
	console bool // it is the console under test
}

// portWait bounds the wait for the port to appear: drivers may be probing.
const portWait = 10 * time.Second

func (c *control) open(where plan.Report) error {
	if where == plan.ReportConsole {
		return c.openConsole()
	}
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		dev, err := findPort("/sys/class/virtio-ports")
		if err == nil {
			c.fd, err = syscall.Open(dev, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
			c.opened = err == nil
			if err == nil || !errors.Is(err, syscall.ENOENT) {
				return err
			}
		}
		if time.Since(begin) > portWait {
			return fmt.Errorf("find the control channel: %w", err)
		}
	}
}

// openConsole opens the console under test, and holds it open for ever, as a login would.
func (c *control) openConsole() (err error) {
	// Without O_NONBLOCK open(2) waits for a carrier; without it afterwards write(2) takes the whole line.
	if c.fd, err = syscall.Open(consolePort, syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open %s: %w", consolePort, err)
	}
	c.opened, c.console = true, true
	return syscall.SetNonblock(c.fd, false)
}

func findPort(class string) (string, error) {
	names, _ := filepath.Glob(class + "/*/name")
	for _, n := range names {
		data, err := os.ReadFile(n)
		if err == nil && strings.TrimSpace(string(data)) == plan.ControlName {
			return "/dev/" + filepath.Base(filepath.Dir(n)), nil
		}
	}
	return "", fmt.Errorf("no virtio port %q among %d", plan.ControlName, len(names))
}

func (c *control) send(m *plan.Message) error {
	if c.console {
		data, err := m.Report()
		if err == nil {
			err = c.write(data)
		}
		if err == nil {
			err = c.drain()
		}
		return err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return c.write(append(data, '\n'))
}

// drain returns when the last bit of what was written has left the UART: tcdrain(3).
func (c *control) drain() error {
	for {
		switch _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(c.fd), tcsbrk, 1); errno {
		case 0:
			return nil
		case syscall.EINTR: // Go's own signals
		default:
			return fmt.Errorf("drain the console: %w", errno)
		}
	}
}

// tcsbrk is TCSBRK of include/uapi/asm-generic/ioctls.h.
const tcsbrk = 0x5409

func (c *control) write(data []byte) error {
	for len(data) > 0 {
		n, err := syscall.Write(c.fd, data)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("write to the control channel: %w", err)
		}
		data = data[n:]
	}
	return nil
}

// wait returns when the host has sent the line word.
func (c *control) wait(word string) error {
	var line []byte
	buf := make([]byte, 256)
	for {
		n, err := syscall.Read(c.fd, buf)
		if err != nil && err != syscall.EINTR {
			return fmt.Errorf("read the control channel: %w", err)
		}
		if n <= 0 { // nobody at the other end
			time.Sleep(10 * time.Millisecond)
			continue
		}
		line = append(line, buf[:n]...)
		for {
			l, rest, ok := bytes.Cut(line, []byte{'\n'})
			if !ok {
				break
			}
			if string(bytes.TrimSpace(l)) == word {
				return nil
			}
			line = rest
		}
		if len(line) > plan.MaxMessage {
			return errors.New("read the control channel: line too long")
		}
	}
}

// silent: what is written now would lie between the lines that are to be judged.
func (c *control) silent() bool { return c.console }

// fail tells whoever can still be reached.
func (c *control) fail(err error) {
	if c.opened && c.send(&plan.Message{Event: plan.EventError, Text: err.Error()}) == nil {
		return
	}
	if f, ferr := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0); ferr == nil {
		fmt.Fprintf(f, "<3>lastpage: init: %v", err)
		f.Close()
	}
}
