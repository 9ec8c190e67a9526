// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"lastpage/dut/qemu/vuart"
)

// PTY is the UART as a terminal device. Its rate and format do not matter.
type PTY struct {
	Path   string // of the device to open, /dev/pts/N
	master *os.File
	slave  *os.File     // kept open, so that a reader who goes and comes back is no hang-up
	lost   atomic.Int64 // bytes that nobody read in time
}

// OpenPTY makes a pty and carries bytes until ctx ends.
func (b *Bridge) OpenPTY(ctx context.Context) (*PTY, error) {
	p, err := newPTY()
	if err != nil {
		return nil, fmt.Errorf("open pty: %w", err)
	}
	b.add(p)
	context.AfterFunc(ctx, func() {
		b.remove(p)
		p.master.Close()
		p.slave.Close()
	})
	go p.read(ctx, b)
	return p, nil
}

func newPTY() (*PTY, error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	p := &PTY{master: os.NewFile(uintptr(fd), "/dev/ptmx")}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		p.master.Close()
		return nil, err
	}
	p.Path = "/dev/pts/" + strconv.Itoa(n)
	p.slave, err = os.OpenFile(p.Path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err == nil {
		err = raw(int(p.slave.Fd()))
	}
	if err != nil {
		p.master.Close()
		if p.slave != nil {
			p.slave.Close()
		}
		return nil, err
	}
	return p, nil
}

// raw switches off everything that the line discipline does to bytes.
func raw(fd int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag = unix.IGNBRK
	t.Oflag = 0
	t.Lflag = 0
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8 | unix.CREAD | unix.CLOCAL
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// Lost is how many bytes nobody read in time: like a plug without a cable.
func (p *PTY) Lost() int64 { return p.lost.Load() }

func (p *PTY) frames(recs []vuart.Rec) bool {
	b := text(recs)
	conn, err := p.master.SyscallConn()
	if err != nil {
		return false
	}
	n := 0
	err = conn.Write(func(fd uintptr) bool { // never waits
		for n < len(b) {
			k, err := unix.Write(int(fd), b[n:])
			if err != nil {
				break
			}
			n += k
		}
		return true
	})
	p.lost.Add(int64(len(b) - n))
	return err == nil
}

func (p *PTY) outputs(bool, bool) bool { return true }

func (p *PTY) read(ctx context.Context, b *Bridge) {
	buf := make([]byte, 4096)
	for {
		n, err := p.master.Read(buf)
		if n > 0 && b.queueBytes(ctx, buf[:n]) != nil {
			return
		}
		if err != nil && !errors.Is(err, unix.EAGAIN) {
			return
		}
	}
}
