// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"lastpage/kernels/store"
)

// Lease says who has a board. There are two kinds: a program's, which holds a lock of the kernel's as long as it lives, however it ends; and a
// person's, which is a note with an expiry. A board's files are NAME.lock, NAME.lease, NAME.broken and NAME.calibration in the folder of
// leases, which all users of this machine's cache share.
type Lease struct {
	Board   string     `json:"board"`
	Owner   string     `json:"owner"`
	Purpose string     `json:"purpose"`
	PID     int        `json:"pid,omitempty"` // of the program; 0: a person's
	Since   time.Time  `json:"since"`
	Expires *time.Time `json:"expires,omitempty"` // of a person's
	Stolen  string     `json:"stolen,omitempty"`  // from whom, and why

	lock *os.File
}

// Broken is a board that failed, with the first cause.
type Broken struct {
	Failures int       `json:"failures"` // to come to its kernel, in a row
	Since    time.Time `json:"since"`
	Why      string    `json:"why"`
}

// brokenAfter is how many failures in a row mark a board.
const brokenAfter = 2

// stealWait is how long the program that has a stolen board may take to let go of it.
const stealWait = 30 * time.Second

// Owner is who leases for this process: LASTPAGE_OWNER, or the user and the machine.
func Owner() string {
	if o := os.Getenv("LASTPAGE_OWNER"); o != "" {
		return o
	}
	name, host := "nobody", "here"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

// leaseFile is a path in the folder of leases.
func leaseFile(board, ext string) (string, error) {
	root, err := store.Root()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, "boards")
	return filepath.Join(dir, board+ext), os.MkdirAll(dir, 0o755)
}

// Wanted is what somebody wants a board for.
type Wanted struct {
	Owner, Purpose string
	For            time.Duration // a person's: for so long; 0: as long as this process lives
	Steal          string        // the reason for which it is taken from whoever has it; "": it is not
}

// Take leases a board. The error says who has it, for what, and how to get it.
func Take(ctx context.Context, board string, w Wanted) (*Lease, error) {
	l := &Lease{Board: board, Owner: w.Owner, Purpose: w.Purpose, Since: time.Now().UTC().Truncate(time.Second)}
	had, err := Leased(board)
	if err != nil {
		return nil, err
	}
	if had != nil && w.Steal != "" {
		l.Stolen = fmt.Sprintf("from %s (%s): %s", had.Owner, had.Purpose, w.Steal)
	}
	// A person's lease is no obstacle to its owner's programs.
	if had != nil && w.Steal == "" && (had.PID != 0 || had.Owner != w.Owner) {
		return nil, had.refuse()
	}
	lock, err := leaseFile(board, ".lock")
	if err != nil {
		return nil, err
	}
	if l.lock, err = os.OpenFile(lock, os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o644); err != nil {
		return nil, fmt.Errorf("lease %s: %w", board, err)
	}
	if l.Stolen != "" { // read by who has it, who lets go then
		if err := l.note(); err != nil {
			return nil, errors.Join(err, l.lock.Close())
		}
	}
	if err := l.hold(ctx, w.Steal != ""); err != nil {
		return nil, errors.Join(err, l.lock.Close())
	}
	if w.For > 0 {
		until := l.Since.Add(w.For)
		l.Expires = &until
		defer l.lock.Close()
		return l, l.note()
	}
	l.PID = os.Getpid()
	if had != nil && had.PID == 0 && w.Steal == "" { // the person's own note stays and comes back
		l.Expires = had.Expires
	}
	if err := l.note(); err != nil {
		return nil, errors.Join(err, l.lock.Close())
	}
	return l, nil
}

// hold takes the kernel's lock; wait: from a program that was told to let go.
func (l *Lease) hold(ctx context.Context, wait bool) error {
	for begin := time.Now(); ; {
		err := unix.Flock(int(l.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return nil
		}
		if !wait || time.Since(begin) > stealWait {
			if had, _ := Leased(l.Board); had != nil && had.PID != os.Getpid() {
				return had.refuse()
			}
			return &HeldError{Board: l.Board}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// refuse is the error for who wants the board that l is of.
func (l *Lease) refuse() error { return &HeldError{Board: l.Board, By: l} }

// HeldError: somebody else has the board.
type HeldError struct {
	Board string
	By    *Lease // nil: a program that has not said yet who it is
}

func (e *HeldError) Error() string {
	l := e.By
	if l == nil {
		return fmt.Sprintf("board %s: another program has just taken it", e.Board)
	}
	until := "until it ends"
	if l.Expires != nil && l.PID == 0 {
		until = "until " + l.Expires.Local().Format("2006-01-02 15:04")
	}
	return fmt.Sprintf("board %s is leased by %s for %q %s; lastpage boards lease %s --steal REASON takes it", l.Board, l.Owner, l.Purpose, until, l.Board)
}

func (l *Lease) note() error {
	path, err := leaseFile(l.Board, ".lease")
	if err != nil {
		return err
	}
	return writeJSON(path, l)
}

// writeJSON replaces a file, so that nobody reads half of it.
func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(tmp, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(tmp, path)
}

// readJSON is false if there is no such file.
func readJSON(path string, v any) (bool, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w (remove it if nobody has the board)", path, err)
	}
	return true, nil
}

// Leased is the lease in force of a board; nil if it is free. A program's is in force while it holds the lock.
func Leased(board string) (*Lease, error) {
	path, err := leaseFile(board, ".lease")
	if err != nil {
		return nil, err
	}
	l := new(Lease)
	if found, err := readJSON(path, l); !found || err != nil {
		return nil, err
	}
	if l.PID != 0 && !locked(board) {
		l.PID = 0 // it has ended; what may be left is its owner's own note
		if l.Expires == nil {
			return nil, nil
		}
	}
	if l.PID == 0 && (l.Expires == nil || time.Now().After(*l.Expires)) {
		return nil, nil
	}
	return l, nil
}

// locked says whether some program holds the lock.
func locked(board string) bool {
	path, err := leaseFile(board, ".lock")
	if err != nil {
		return false
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil
}

// Lost says who has taken the board from l's program, and why; "" if it is still l's.
func (l *Lease) Lost() string {
	path, err := leaseFile(l.Board, ".lease")
	if err != nil {
		return ""
	}
	other := new(Lease)
	if found, err := readJSON(path, other); err != nil || !found || other.Stolen == "" || other.Since.Equal(l.Since) && other.PID == l.PID {
		return ""
	}
	return fmt.Sprintf("%s took it %s", other.Owner, other.Stolen)
}

// Release ends the lease of this program. A person's own note stays.
func (l *Lease) Release() error {
	if l.lock == nil {
		return nil
	}
	var err error
	if l.Lost() == "" {
		l.PID = 0
		if l.Expires != nil {
			err = l.note()
		} else {
			err = Free(l.Board)
		}
	}
	err = errors.Join(err, l.lock.Close())
	l.lock = nil
	return err
}

// Free removes a person's lease.
func Free(board string) error {
	path, err := leaseFile(board, ".lease")
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("release %s: %w", board, err)
	}
	return nil
}

// BrokenBoard is what is known against a board; nil if nothing is. It is marked from brokenAfter failures on.
func BrokenBoard(board string) (*Broken, error) {
	path, err := leaseFile(board, ".broken")
	if err != nil {
		return nil, err
	}
	b := new(Broken)
	if found, err := readJSON(path, b); !found || err != nil {
		return nil, err
	}
	return b, nil
}

// Marked says whether nothing is to be tried on it any more.
func (b *Broken) Marked() bool { return b != nil && b.Failures >= brokenAfter }

// Failed counts a failure of a board; the first cause stays.
func Failed(board string, cause error) error {
	b, err := BrokenBoard(board)
	if err != nil {
		return err
	}
	if b == nil {
		b = &Broken{Since: time.Now().UTC().Truncate(time.Second), Why: cause.Error()}
	}
	b.Failures++
	path, err := leaseFile(board, ".broken")
	if err != nil {
		return err
	}
	return writeJSON(path, b)
}

// Clear forgets what is known against a board: it came to its kernel, or somebody mended it.
func Clear(board string) error {
	path, err := leaseFile(board, ".broken")
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clear %s: %w", board, err)
	}
	return nil
}
