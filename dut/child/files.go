// SPDX-License-Identifier: Apache-2.0

package child

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Files are what a child inherits as its descriptors 3, 4, ...
type Files struct {
	list []*os.File
}

// Give adds a file, which stays the caller's, and returns the name by which the child opens it.
func (f *Files) Give(file *os.File) string {
	f.list = append(f.list, file)
	return fmt.Sprintf("/proc/self/fd/%d", f.Last())
}

// Last is the descriptor that the file given last has in the child.
func (f *Files) Last() int { return 2 + len(f.list) }

// Memfd is a file of size bytes in memory, without a name that others could open.
func Memfd(name string, size int64) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd %s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := f.Truncate(size); err != nil {
		f.Close()
		return nil, fmt.Errorf("memfd %s: size %d: %w", name, size, err)
	}
	return f, nil
}
