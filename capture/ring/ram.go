// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// RAM is a file that is a machine's memory: guest physical address = offset (memory-backend-file; on q35 that holds below 2 GiB).
// It is mapped, so that small reads cost no system call and see the guest's stores at once; the file is never changed.
type RAM struct {
	f   *os.File
	mem []byte
}

// OpenRAM maps a RAM file for reading.
func OpenRAM(path string) (*RAM, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open guest RAM: %w", err)
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err == nil && st.Size() == 0 {
		err = fmt.Errorf("%s is empty", path)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open guest RAM: %w", err)
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("map guest RAM %s: %w", path, err)
	}
	return &RAM{f: f, mem: mem}, nil
}

// Size is the size of the memory, bytes.
func (r *RAM) Size() int64 { return int64(len(r.mem)) }

// Close unmaps the memory; nobody may be reading.
func (r *RAM) Close() error { return errors.Join(unix.Munmap(r.mem), r.f.Close()) }

// bigRead is where reading the file beats the mapping: looking at a page through the mapping allocates it in the guest's
// memory file even where the guest never touched it.
const bigRead = 64 << 10

// ReadAt reads guest physical memory.
func (r *RAM) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 || off >= r.Size() {
		return 0, io.EOF
	}
	if len(p) >= bigRead {
		return r.f.ReadAt(p, off)
	}
	// The file can be cut under the mapping; that must not end the process.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if e := recover(); e != nil {
			n, err = 0, fmt.Errorf("read guest RAM at 0x%x: %v (was the file cut?)", off, e)
		}
	}()
	if n = copy(p, r.mem[off:]); n < len(p) {
		err = io.EOF
	}
	return n, err
}

// next finds data after holes of the file.
func (r *RAM) next(off int64) (start, end int64, ok bool) {
	return data(r.f, r.Size(), off)
}
