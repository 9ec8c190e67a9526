// SPDX-License-Identifier: Apache-2.0

package port

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lockFolder is where terminal programs say that they use a port (FHS 3.0, 5.9).
const lockFolder = "/var/lock"

func word(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }

// lockFile is the name of a device's lock, with the PID of its user in HDB UUCP's form: ten characters and a newline.
func lockFile(folder, device string) string {
	name := strings.ReplaceAll(strings.TrimPrefix(device, "/dev/"), "/", "_")
	return filepath.Join(folder, "LCK.."+name)
}

// takeLock makes the lock of a device. One of a program that is no more is removed. path is "" where this user may not make locks: flock and
// TIOCEXCL then have to do.
func takeLock(folder, device string) (path string, err error) {
	path = lockFile(folder, device)
	for range 3 {
		err = makeLock(path)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, os.ErrExist) {
			return "", nil
		}
		pid, err := lockOwner(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("another program holds it: %w", err)
		}
		if alive(pid) {
			return "", fmt.Errorf("another program holds it: %v, which has made %s", holder{pid, programName(pid)}, path)
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", nil // not ours to remove, and nobody's: it binds nobody
		}
	}
	return "", fmt.Errorf("another program holds it: %s comes back as often as it is removed", path)
}

// makeLock puts the file there with its contents or not at all.
func makeLock(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), "LTMP.")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = fmt.Fprintf(f, "%10d\n", os.Getpid())
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}

func lockOwner(path string) (pid int, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	if words := strings.Fields(string(b)); len(words) > 0 { // some write the program and the user too
		if pid, err = strconv.Atoi(words[0]); err == nil && pid > 0 {
			return pid, nil
		}
	}
	if len(b) == 4 { // the binary form of old programs
		return int(word(b)), nil
	}
	return 0, fmt.Errorf("%s has no PID in it; remove it if nobody uses the port", path)
}

func alive(pid int) bool { err := unix.Kill(pid, 0); return err == nil || errors.Is(err, unix.EPERM) }

// checkLock says who holds the lock of a device, and leaves it alone. A lock is asked before the device is opened: an opening would be seen by
// who holds it.
func checkLock(folder, device string) error {
	path := lockFile(folder, device)
	pid, err := lockOwner(path)
	if err != nil || !alive(pid) {
		return nil // none, a stale one or one that takeLock explains
	}
	return fmt.Errorf("another program holds it: %v, which has made %s", holder{pid, programName(pid)}, path)
}
