// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// view is a guest's RAM that its QEMU has mapped as MAP_PRIVATE: pages of the file until the guest writes there, then of that process alone.
// It is read as memory of that process, /proc/PID/mem, which the kernel allows for a child of the same user (ptrace(2), "Ptrace access mode
// checking").
type view struct {
	size int64
	mem  *os.File // nil before attach
	at   int64    // of the guest's address 0 in the process
}

// readable says whether this machine lets us read the memory of a child.
func readable(pid int) bool {
	f, err := os.Open(memoryOf(pid))
	if err != nil {
		return false
	}
	f.Close()
	return true
}

func memoryOf(pid int) string { return fmt.Sprintf("/proc/%d/mem", pid) }

// attach finds where the process has mapped the file.
func (v *view) attach(pid int, file *os.File) error {
	at, err := mapped(pid, file, v.size)
	if err != nil {
		return fmt.Errorf("find guest ram in QEMU: %w", err)
	}
	mem, err := os.Open(memoryOf(pid))
	if err != nil {
		return fmt.Errorf("read guest ram in QEMU: %w", err)
	}
	v.mem, v.at = mem, at
	return nil
}

// mapped is the address of a file's first byte in a process that has mapped size bytes of it in one piece and for itself
// (proc_pid_maps(5)).
func mapped(pid int, file *os.File, size int64) (int64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return 0, err
	}
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, err
	}
	defer maps.Close()
	dev := fmt.Sprintf("%02x:%02x", unix.Major(st.Dev), unix.Minor(st.Dev))
	var begin, end int64
	sc := bufio.NewScanner(maps)
	for sc.Scan() {
		var from, to, off, ino int64
		var mode, on string
		if n, _ := fmt.Sscanf(sc.Text(), "%x-%x %s %x %s %d", &from, &to, &mode, &off, &on, &ino); n < 6 || on != dev || uint64(ino) != st.Ino || !strings.HasSuffix(mode, "p") {
			continue
		}
		switch {
		case off == 0:
			begin, end = from, to
		case end == from && off == end-begin:
			end = to // the same mapping, cut by what was said about a part of it
		}
	}
	if err := sc.Err(); err != nil {
		return 0, err
	}
	if begin == 0 || end-begin < size {
		return 0, fmt.Errorf("it has not mapped %d MiB of it in one piece", size>>20)
	}
	return begin, nil
}

// ReadAt reads guest physical memory as long as the process lives. Beyond the memory's end it returns io.EOF.
func (v *view) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= v.size {
		return 0, io.EOF
	}
	if v.mem == nil {
		return 0, errors.New("guest ram: no QEMU has it yet")
	}
	want := min(int64(len(p)), v.size-off)
	n, err := v.mem.ReadAt(p[:want], v.at+off)
	if errors.Is(err, io.EOF) { // what /proc/PID/mem says of a process that is gone
		return n, errors.New("guest ram: its QEMU is gone")
	}
	if err == nil && want < int64(len(p)) {
		err = io.EOF
	}
	return n, err
}

// Size is the memory's length.
func (v *view) Size() int64 { return v.size }

// Close lets go of the process.
func (v *view) Close() error {
	if v.mem == nil {
		return nil
	}
	return v.mem.Close()
}
