// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"lastpage/harness"
)

// lockName is the file whose lock says that somebody is at work in a folder; it holds his PID.
const lockName = ".lastpage-lock"

// kinds are the files that say what a folder is.
var kinds = []struct{ file, is string }{
	{RunName, "a run"}, {SweepName, "a sweep"}, {MatrixName, "a matrix"}, {GateName, "a gate"}, {BisectName, "a bisection"}, {"nightly.json", "a night"},
	{harness.TrialName, "a trial"}, {"wire.bin", "a capture"}, {"minimise.json", "a minimised trial"}}

// Folder is a folder that is being worked in, by nobody else.
type Folder struct {
	Dir  string
	lock *os.File
	made string // the topmost folder that was made for it, "" for none
}

// NewFolder makes a folder that is not there yet: base, or base with a number after it where somebody was faster.
func NewFolder(base, file string) (*Folder, error) {
	for i := 1; ; i++ {
		dir := base
		if i > 1 {
			dir = fmt.Sprintf("%s-%d", base, i)
		}
		if harness.Exists(dir) {
			continue
		}
		f, err := OpenFolder(dir, file)
		if busy := (*BusyError)(nil); errors.As(err, &busy) {
			continue
		}
		return f, err
	}
}

// OpenFolder takes a folder for something that is kept in file: it is made if it is not there, and locked. One of another kind is refused
// by name, one that somebody works in with a *BusyError, and one that cannot be written with the reason.
func OpenFolder(dir, file string) (*Folder, error) {
	f := &Folder{Dir: dir}
	for up := filepath.Clean(dir); !harness.Exists(up); up = filepath.Dir(up) {
		f.made = up
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("--out %s: %w", dir, err)
	}
	for _, k := range kinds {
		if k.file != file && harness.Exists(filepath.Join(dir, k.file)) {
			return nil, fmt.Errorf("--out %s: there is %s in it (%s): take another folder", dir, k.is, k.file)
		}
	}
	if err := f.take(); err != nil {
		f.remove()
		return nil, err
	}
	if !harness.Exists(filepath.Join(dir, file)) {
		entries, err := os.ReadDir(dir)
		for _, e := range entries {
			left := strings.Contains(e.Name(), ".left-") || strings.HasPrefix(e.Name(), "."+file+".") // a kill while it was written
			if e.Name() != lockName && !left && !e.IsDir() {
				err = fmt.Errorf("--out %s: it holds other files (%s): take a new folder", dir, e.Name())
			}
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

// BusyError says who works in a folder.
type BusyError struct {
	Dir string
	PID string
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("--out %s: another lastpage (PID %s) works in it: wait for it, end it, or take another folder", e.Dir, e.PID)
}

func (f *Folder) take() error {
	path := filepath.Join(f.Dir, lockName)
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("--out %s: %w", f.Dir, err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		pid := make([]byte, 16)
		n, _ := lock.ReadAt(pid, 0)
		lock.Close()
		return &BusyError{f.Dir, strings.TrimSpace(string(pid[:n]))}
	}
	// Whoever had it may just have removed the file: then the lock is on a name that is gone.
	if mine, err := lock.Stat(); err == nil {
		if there, err := os.Stat(path); err != nil || !os.SameFile(mine, there) {
			lock.Close()
			return f.take()
		}
	}
	err = lock.Truncate(0)
	if err == nil {
		_, err = lock.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	}
	if err != nil {
		lock.Close()
		return fmt.Errorf("--out %s: %w", f.Dir, err)
	}
	f.lock = lock
	return nil
}

// Close gives the folder back. One in which nothing was left is removed again, with what was made above it.
func (f *Folder) Close() error {
	if f.lock == nil {
		return nil
	}
	err := errors.Join(os.Remove(filepath.Join(f.Dir, lockName)), f.lock.Close())
	f.lock = nil
	f.remove()
	return err
}

// remove removes what was made for the folder as far as it is empty.
func (f *Folder) remove() {
	if f.made == "" {
		return
	}
	for dir := filepath.Clean(f.Dir); os.Remove(dir) == nil && dir != f.made; {
		dir = filepath.Dir(dir)
	}
}

// load reads file into v; found is false if it is not there. schema is what the file must say of itself.
func (f *Folder) load(file string, v any, schema string, said func() string) (found bool, err error) {
	path := filepath.Join(f.Dir, file)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	if said() != schema {
		return false, fmt.Errorf("read %s: schema %q, this program reads %q", path, said(), schema)
	}
	return true, nil
}
