// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"lastpage/capture/ring"
	"lastpage/dut/child"
)

// RAM is guest memory. It can be read while the guest runs and after it died, a view as long as its QEMU is there. On q35 with at most 2 GiB
// a guest physical address is the offset in this memory (hw/i386/pc_q35.c puts everything below 4 GiB - 2 GiB in one piece).
type RAM struct {
	file *os.File // what QEMU gets
	memory
}

// memory is read by guest physical address.
type memory interface {
	io.ReaderAt
	Size() int64 // bytes
	Close() error
}

// NewRAM makes anonymous shared memory of size bytes. No file is left behind whatever happens to the harness.
func NewRAM(size int64) (*RAM, error) {
	f, err := child.Memfd("lastpage-ram", size)
	if err != nil {
		return nil, err
	}
	m, err := ring.OpenRAM(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err != nil {
		f.Close()
		return nil, err
	}
	return &RAM{f, m}, nil
}

// private is the same memory for one more guest, which writes into pages of its own. Nothing is copied before that. It is read through the
// guest's QEMU, from attach on.
func (r *RAM) private() (*RAM, error) {
	fd, err := unix.FcntlInt(r.file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("hand on guest ram: %w", err)
	}
	return &RAM{os.NewFile(uintptr(fd), r.file.Name()), &view{size: r.Size()}}, nil
}

// clone copies the memory's contents into new shared memory. Pages that the guest never touched stay untouched.
func (r *RAM) clone() (*RAM, error) {
	c, err := NewRAM(r.Size())
	if err != nil {
		return nil, err
	}
	if err := copySparse(c.file, r.file, r.Size()); err != nil {
		c.Close()
		return nil, fmt.Errorf("copy guest ram: %w", err)
	}
	return c, nil
}

// copySparse copies the parts of a memfd that hold data.
func copySparse(dst, src *os.File, size int64) error {
	for off := int64(0); off < size; {
		from, err := unix.Seek(int(src.Fd()), off, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil // no data behind off
		}
		if err != nil {
			return err
		}
		to, err := unix.Seek(int(src.Fd()), from, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		for at := from; at < to; {
			n, err := unix.Seek(int(dst.Fd()), at, unix.SEEK_SET)
			if err != nil {
				return err
			}
			k, err := unix.Sendfile(int(dst.Fd()), int(src.Fd()), &n, int(min(to-at, 1<<30)))
			if err != nil {
				return err
			}
			if k == 0 {
				return io.ErrUnexpectedEOF
			}
			at += int64(k)
		}
		off = to
	}
	return nil
}

// Close lets go of the memory. A QEMU that has it keeps it.
func (r *RAM) Close() error { return errors.Join(r.memory.Close(), r.file.Close()) }
