// SPDX-License-Identifier: Apache-2.0

package port

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// holder is another program that has a device open.
type holder struct {
	pid  int
	name string
}

func (h holder) String() string { return fmt.Sprintf("PID %d, %s", h.pid, h.name) }

// holders are the processes other than this one that have the device open, as far as this user may see; the owner of a pty's master is none.
// A child of ours that has not become its program yet still has all that we have open: while we look, none is in that state.
func holders(rdev uint64) (all []holder) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	procs, _ := os.ReadDir("/proc")
	for _, p := range procs {
		pid, err := strconv.Atoi(p.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if holds(pid, rdev) && !ownsMaster(pid, rdev) {
			all = append(all, holder{pid, programName(pid)})
		}
	}
	return all
}

// keepFromChildren lets no program that we start have the device: the library opens it without O_CLOEXEC.
func keepFromChildren(rdev uint64) {
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, f := range fds {
		fd, err := strconv.Atoi(f.Name())
		var st unix.Stat_t
		if err == nil && unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == rdev {
			unix.CloseOnExec(fd)
		}
	}
}

func holds(pid int, rdev uint64) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	fds, err := os.ReadDir(dir)
	if err != nil {
		return false // gone, or another user's
	}
	for _, f := range fds {
		path := filepath.Join(dir, f.Name())
		to, err := os.Readlink(path)
		if err != nil || !strings.HasPrefix(to, "/dev/") || to == "/dev/null" {
			continue
		}
		var st unix.Stat_t
		if unix.Stat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == rdev {
			return !pathOnly(pid, f.Name())
		}
	}
	return false
}

// pathOnly says that a descriptor was opened with O_PATH: it names the device and cannot read it.
func pathOnly(pid int, fd string) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%s", pid, fd))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), "flags:")
	field, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
	flags, err := strconv.ParseUint(field, 8, 64)
	return err == nil && flags&unix.O_PATH != 0
}

// ownsMaster says that a process has the other end of a pty: who makes one keeps its slave open, lest a reader that goes be a hang-up.
func ownsMaster(pid int, rdev uint64) bool {
	if !isPTS(rdev) {
		return false
	}
	index := fmt.Sprintf("tty-index:\t%d\n", unix.Minor(rdev)+256*(unix.Major(rdev)-firstPTS))
	infos, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	for _, path := range infos {
		if b, err := os.ReadFile(path); err == nil && strings.Contains(string(b), index) {
			return true
		}
	}
	return false
}

func programName(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return "a program that this user may not see"
	}
	return strings.TrimSpace(string(b))
}

// firstPTS and the seven majors after it are the slaves of ptys (Documentation/admin-guide/devices.txt).
const firstPTS = 136

func isPTS(rdev uint64) bool { m := unix.Major(rdev); return m >= firstPTS && m < firstPTS+8 }

// opens counts how often a device node was opened by anybody, from its making on.
type opens struct{ fd int }

// watchOpens may fail where inotify is used up; the look into /proc remains.
func watchOpens(path string) *opens {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_OPEN); err != nil {
		_ = unix.Close(fd)
		return nil
	}
	return &opens{fd}
}

// since says whether the node was opened since it was asked last.
func (o *opens) since() bool {
	if o == nil {
		return false
	}
	var buf [4096]byte
	any := false
	for {
		n, err := unix.Read(o.fd, buf[:])
		if n <= 0 || err != nil {
			return any
		}
		any = any || hasOpen(buf[:n])
	}
}

// hasOpen looks for IN_OPEN: the mask is the second 32-bit word of an event (inotify(7)). A watch that ended with its node is no opening.
func hasOpen(b []byte) bool {
	for len(b) >= unix.SizeofInotifyEvent {
		mask, n := word(b[4:]), word(b[12:])
		if mask&unix.IN_OPEN != 0 {
			return true
		}
		if b = b[unix.SizeofInotifyEvent:]; int(n) > len(b) {
			return false
		}
		b = b[n:]
	}
	return false
}

func (o *opens) Close() {
	if o != nil {
		_ = unix.Close(o.fd)
	}
}
