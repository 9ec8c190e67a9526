// SPDX-License-Identifier: Apache-2.0

// Package store keeps what is expensive to make: packages, unpacked kernels, built modules. An entry is a directory named by
// kind and key; the key is to be a digest of everything that decides the content, so an entry is never changed, only made.
// It is there wholly or not at all: it is built beside its place and renamed.
package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// Root is the cache directory: LASTPAGE_CACHE, else $XDG_CACHE_HOME/lastpage, else ~/.cache/lastpage. It need not exist.
func Root() (string, error) {
	if d := os.Getenv("LASTPAGE_CACHE"); d != "" {
		return filepath.Abs(d)
	}
	d, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache: %w (set LASTPAGE_CACHE)", err)
	}
	return filepath.Join(d, "lastpage"), nil
}

// Key digests parts into a key. The parts are length-prefixed, so ("ab","c") and ("a","bc") differ.
func Key(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// Path is where the entry is or would be, for content that has to know its own place.
func Path(kind, key string) (string, error) {
	if !name.MatchString(kind) || !name.MatchString(key) {
		return "", fmt.Errorf("store: %q/%q is no name of an entry", kind, key)
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, kind, key), nil
}

// Have says whether the entry exists and where.
func Have(kind, key string) (string, bool) {
	dir, err := Path(kind, key)
	if err != nil {
		return "", false
	}
	st, err := os.Stat(dir)
	return dir, err == nil && st.IsDir()
}

var name = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+~-]{0,199}$`)

// Do returns the directory of the entry and calls build to fill it if it does not exist. Of several callers at once, in this
// or other processes, one builds and the others wait for it. build gets a fresh directory; when it fails, or the process is
// killed, nothing remains but a hidden directory that the next builder of the same entry removes. The waiting ones then build
// themselves. progress (may be nil) is told when somebody else is being waited for. A cache that cannot be written is a *WriteError; in a
// context made by Only nothing is built.
func Do(ctx context.Context, kind, key string, progress io.Writer, build func(ctx context.Context, tmp string) error) (string, error) {
	dir, err := Path(kind, key)
	if err != nil {
		return "", err
	}
	if _, ok := Have(kind, key); ok {
		return dir, nil
	}
	if err := Absent(ctx, kind+" "+key); err != nil {
		return "", err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", Wrote(parent, err)
	}
	lock := filepath.Join(parent, "."+key+".lock")
	waiting := func() {
		if progress != nil {
			fmt.Fprintf(progress, "waiting for another builder of %s %s\n", kind, key)
		}
	}
	unlock, err := Lock(ctx, lock, waiting)
	if err != nil {
		return "", fmt.Errorf("store %s/%s: %w", kind, key, err)
	}
	defer unlock()
	if _, ok := Have(kind, key); ok {
		return dir, nil
	}
	prefix := "." + key + ".tmp-"
	if err := sweep(parent, prefix); err != nil {
		return "", Wrote(parent, err)
	}
	tmp, err := os.MkdirTemp(parent, prefix)
	if err != nil {
		return "", Wrote(parent, err)
	}
	if err := fill(ctx, tmp, dir, build); err != nil {
		if full(err) {
			err = Wrote(parent, err)
		}
		return "", errors.Join(err, sweep(parent, prefix))
	}
	return dir, nil
}

func fill(ctx context.Context, tmp, dir string, build func(context.Context, string) error) error {
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	if err := build(ctx, tmp); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := syncTree(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return err
	}
	return syncFile(filepath.Dir(dir))
}

// sweep removes what killed builders left. The caller holds the entry's lock, so nobody is at work there.
func sweep(parent, prefix string) error {
	list, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range list {
		if strings.HasPrefix(e.Name(), prefix) {
			errs = append(errs, RemoveAll(filepath.Join(parent, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// RemoveAll removes a tree that may hold directories without write permission, as unpacked packages do.
func RemoveAll(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			return os.Chmod(p, 0o755)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// syncMany is the number of files from which one call for the whole file system is cheaper than one for each: a tree of kernel
// headers has 20,000. With few files it is dearer, because it waits for everybody else's data too.
const syncMany = 256

func syncTree(dir string) error {
	var paths []string
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && (d.Type().IsRegular() || d.IsDir()) {
			paths = append(paths, p)
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(paths) > syncMany {
		d, err := os.Open(dir)
		if err != nil {
			return err
		}
		defer d.Close()
		return unix.Syncfs(int(d.Fd()))
	}
	for _, p := range paths {
		if err := syncFile(p); err != nil {
			return err
		}
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
