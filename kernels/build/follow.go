// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// stamp is a file of a followed directory, and what stands for its content as long as Size, Time and Inode do not change.
type stamp struct {
	Mode  fs.FileMode
	Size  int64
	Time  int64 // ns, of the last change of content
	Inode uint64
	Sum   [sha256.Size]byte // of the content, or of the target of a symlink
}

func (s stamp) fresh(now stamp) bool {
	return s.Mode == now.Mode && s.Size == now.Size && s.Time == now.Time && s.Inode == now.Inode
}

// follow makes src the same as dir, which is only read, and returns a digest of its files. Files that patch has changed are
// left to patch. Only files whose stamp changed are read.
func (w *tree) follow(ctx context.Context, dir string, progress Progress) (string, error) {
	names, err := sources(ctx, dir)
	if err != nil {
		return "", fmt.Errorf("source %s: %w", dir, err)
	}
	patched, err := w.patched()
	if err != nil {
		return "", err
	}
	old := w.manifest(dir)
	if len(old) == 0 {
		progress(Event{Step: "copy", Text: dir})
	}
	list := make(map[string]stamp, len(names))
	digest := sha256.New()
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		now, err := look(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // git still lists what was deleted
		}
		if err != nil {
			return "", fmt.Errorf("source: %w", err)
		}
		was, known := old[name]
		if known && was.fresh(now) {
			now.Sum = was.Sum
		} else {
			leave := slices.Contains(patched, name)
			if err := w.take(dir, name, &now, leave); err != nil {
				return "", fmt.Errorf("source: %w", err)
			}
		}
		list[name] = now
		fmt.Fprintf(digest, "%s\x00%t\x00%x\n", name, now.Mode&0o100 != 0, now.Sum)
	}
	if err := w.prune(list, patched); err != nil {
		return "", err
	}
	if err := w.setManifest(dir, list); err != nil {
		return "", err
	}
	return "dir " + hex.EncodeToString(digest.Sum(nil)), nil
}

// take brings one file into src, unless it is to be left as it is, and fills in its sum.
func (w *tree) take(dir, name string, s *stamp, leave bool) error {
	from, to := filepath.Join(dir, name), filepath.Join(w.src, name)
	if s.Mode&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		s.Sum = sha256.Sum256([]byte(target))
		if leave {
			return nil
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return copySymlink(from, to)
	}
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	h.Sum(s.Sum[:0])
	if leave {
		return nil
	}
	same, err := makeSame(from, to)
	if err == nil && !same {
		w.followed = append(w.followed, name)
	}
	return err
}

// prune removes from src what is no longer in the list.
func (w *tree) prune(list map[string]stamp, patched []string) error {
	return filepath.WalkDir(w.src, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && p == w.src {
			return os.MkdirAll(w.src, 0o755)
		}
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(w.src, p)
		if err != nil {
			return err
		}
		if _, ok := list[name]; ok || slices.Contains(patched, name) {
			return nil
		}
		return os.Remove(p)
	})
}

func look(path string) (stamp, error) {
	st, err := os.Lstat(path)
	if err != nil {
		return stamp{}, err
	}
	if !st.Mode().IsRegular() && st.Mode()&fs.ModeSymlink == 0 {
		return stamp{}, fmt.Errorf("%s: neither a file nor a symlink", path)
	}
	return stamp{Mode: st.Mode(), Size: st.Size(), Time: st.ModTime().UnixNano(), Inode: inode(st)}, nil
}

// sources lists the source files of a kernel tree: of a git checkout all that git would show, changed and new ones included,
// so that what a build left there does not matter; of any other directory all files, and then it must not have been built in.
func sources(ctx context.Context, dir string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
		out, err := output(ctx, dir, "git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
		if err != nil {
			return nil, err
		}
		names := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		slices.Sort(names)
		return slices.Compact(names), nil
	}
	for _, f := range []string{".config", "include/config/auto.conf", "include/generated"} {
		if _, err := os.Stat(filepath.Join(dir, f)); err == nil {
			return nil, fmt.Errorf("it was built in (there is %s)\n  cure: run `make mrproper` there, or give a git checkout", f)
		}
	}
	var names []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, p)
		names = append(names, name)
		return err
	})
	slices.Sort(names)
	return names, err
}

// manifest is what was remembered of dir; nothing if it was of another directory or cannot be read: then all is read again.
func (w *tree) manifest(dir string) map[string]stamp {
	f, err := os.Open(w.file("manifest"))
	if err != nil {
		return nil
	}
	defer f.Close()
	var of string
	var list map[string]stamp
	d := gob.NewDecoder(f)
	if d.Decode(&of) != nil || of != dir || d.Decode(&list) != nil {
		return nil
	}
	return list
}

func (w *tree) setManifest(dir string, list map[string]stamp) error {
	var b strings.Builder
	e := gob.NewEncoder(&b)
	if err := errors.Join(e.Encode(dir), e.Encode(list)); err != nil {
		return err
	}
	return replace(w.file("manifest"), []byte(b.String()), 0o644)
}
