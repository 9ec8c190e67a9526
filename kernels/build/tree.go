// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"lastpage/kernels/store"
)

// tree is a work tree: sources (src), what make makes of them (obj, its O=), and small files that say in which state both are.
// make decides by time stamps, so a file whose content stays the same is never written again, and one that changes gets the
// time of the change, never that of where it comes from.
//
//	linked   the unpacked source that src was made from
//	manifest a followed directory as it was when it was last looked at (follow.go)
//	patched  JSON list of the files in src that may differ from the source
//	running  there while make is at work: if nobody holds the lock, make was killed
//	tmp      temporary files of the compilers while make is at work
//	objects  how many objects the first build of obj had
type tree struct {
	root     string
	src, obj string
	followed []string // files that follow has changed since this tree was opened
}

// workTree names the tree for a source (its lineage, not its content), a configuration and a toolchain.
func workTree(src *source, c Config, cc *toolchain) (*tree, error) {
	root, err := store.Path("build", store.Key(version, src.line, c.key(), cc.id))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, store.Wrote(root, err)
	}
	return &tree{root: root, src: filepath.Join(root, "src"), obj: filepath.Join(root, "obj")}, os.MkdirAll(filepath.Join(root, "obj"), 0o755)
}

func (w *tree) file(name string) string { return filepath.Join(w.root, name) }

func (w *tree) lock(ctx context.Context, progress Progress) (func(), error) {
	return store.Lock(ctx, w.file("lock"), func() { progress(Event{Step: "wait", Text: "for another build in the same tree"}) })
}

// link makes src a farm of hard links to an unpacked source, or, if it was made from another one, makes it the same.
func (w *tree) link(ctx context.Context, pristine string, progress Progress) error {
	was, err := os.ReadFile(w.file("linked"))
	switch {
	case err == nil && string(was) == pristine:
		return nil
	case err == nil:
		if _, err := w.follow(ctx, pristine, progress); err != nil {
			return err
		}
		return replace(w.file("linked"), []byte(pristine), 0o644)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	progress(Event{Step: "copy", Text: "sources"})
	if err := errors.Join(store.RemoveAll(w.src), store.RemoveAll(w.obj), os.MkdirAll(w.obj, 0o755)); err != nil {
		return err
	}
	err = filepath.WalkDir(pristine, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		to := filepath.Join(w.src, strings.TrimPrefix(p, pristine))
		switch {
		case d.IsDir():
			return os.MkdirAll(to, 0o755)
		case d.Type()&fs.ModeSymlink != 0:
			return copySymlink(p, to)
		}
		return os.Link(p, to)
	})
	if err != nil {
		return fmt.Errorf("link sources: %w", err)
	}
	if err := replace(w.file("patched"), []byte("[]"), 0o644); err != nil {
		return err
	}
	return replace(w.file("linked"), []byte(pristine), 0o644)
}

func copySymlink(from, to string) error {
	target, err := os.Readlink(from)
	if err != nil {
		return err
	}
	if old, err := os.Readlink(to); err == nil && old == target {
		return nil
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.Symlink(target, to)
}

// patch makes the touched files of src what they are in files with the patches applied, and those that an earlier build had
// patched what they are in files. It returns the names of the files that changed.
func (w *tree) patch(ctx context.Context, files string, patches []Patch, touched []string) (changed []string, err error) {
	before, err := w.patched()
	if err != nil {
		return nil, err
	}
	staging, err := os.MkdirTemp(w.root, ".patch-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(staging)
	all := union(before, touched)
	if err := stage(ctx, files, staging, all, patches); err != nil {
		return nil, err
	}
	if err := w.setPatched(all); err != nil {
		return nil, err
	}
	for _, f := range all {
		same, err := makeSame(filepath.Join(staging, f), filepath.Join(w.src, f))
		if err != nil {
			return nil, fmt.Errorf("patch: %w", err)
		}
		if !same {
			changed = append(changed, f)
		}
	}
	return changed, w.setPatched(touched)
}

func (w *tree) patched() ([]string, error) {
	var list []string
	data, err := os.ReadFile(w.file("patched"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("read %s: %w", w.file("patched"), err)
	}
	return list, nil
}

func (w *tree) setPatched(list []string) error {
	data, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return replace(w.file("patched"), data, 0o644)
}

// dirty notes that make is about to run. The returned function is for when it ended by itself.
func (w *tree) dirty() (clean func() error, err error) {
	if err := os.WriteFile(w.file("running"), nil, 0o644); err != nil {
		return nil, err
	}
	return func() error { return os.Remove(w.file("running")) }, nil
}

// recover removes what a killed make may have left half done: everything in obj that is younger than its start. make would
// take such a file for finished.
func (w *tree) recover() error {
	st, err := os.Stat(w.file("running"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// Time stamps of files come from a clock that ticks every few milliseconds.
	start := st.ModTime().Add(-time.Second)
	err = filepath.WalkDir(w.obj, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil || info.ModTime().Before(start) {
			return err
		}
		return os.Remove(p)
	})
	if err != nil {
		return fmt.Errorf("clean up after a build that was killed: %w", err)
	}
	return os.Remove(w.file("running"))
}

// expect estimates how many objects make will compile: in a tree that was built, those that depend on a changed file (kbuild
// keeps the dependencies of x.o in .x.o.cmd); in a fresh one, as many as with the same configuration before. 0 is "unknown".
func (w *tree) expect(changed []string, c Config) (int, error) {
	if _, err := os.Stat(w.file("objects")); err != nil {
		if n, err := readInt(w.countFile(c)); err == nil {
			return n, nil
		}
		return c.Objects, nil
	}
	if len(changed) == 0 {
		return 0, nil
	}
	n := 0
	err := filepath.WalkDir(w.obj, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(p, ".o.cmd") {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		for _, f := range changed {
			if bytes.Contains(data, []byte(f)) {
				n++
				break
			}
		}
		return nil
	})
	return n, err
}

// built remembers the size of the first build, for expect.
func (w *tree) built(c Config, objects int) error {
	if _, err := os.Stat(w.file("objects")); err == nil {
		return nil
	}
	n := []byte(strconv.Itoa(objects))
	return errors.Join(replace(w.file("objects"), n, 0o644), replace(w.countFile(c), n, 0o644))
}

func (w *tree) countFile(c Config) string {
	return filepath.Join(filepath.Dir(w.root), "."+c.key()+".objects")
}
