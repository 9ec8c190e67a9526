// SPDX-License-Identifier: Apache-2.0

// Package build compiles Linux. A Spec says what goes in: a source, patches, a configuration, a compiler; a digest of those
// names what comes out, so that nothing is built twice and a kernel that was built never changes.
//
// The way of the data: source.go brings the source into the store (or follows a directory of the user's, which is only read);
// tree.go keeps one work tree for each (source, configuration, compiler), in which a build with other patches compiles only
// what they touch; patch.go writes the patched files into it; config.go makes the .config and insists on every line of the
// fragment; make.go runs the kernel's build system; artefact.go takes the results out and into the store.
package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"lastpage/kernels/debian"
	"lastpage/kernels/store"
)

// version is part of every digest; count it up when the same Spec would give other artefacts.
const version = "1"

// Spec is everything that decides what a kernel will be, and (Jobs, Refresh) two things that do not.
type Spec struct {
	Source   Source
	Patches  []Patch // in the order in which they are applied
	Config   Config
	Compiler string // "" is gcc

	Jobs    int  // of make; 0 is the number of CPUs
	Refresh bool // look for a newer source package, or where a git ref points to now
}

// Kernel is a build that succeeded. All paths are absolute and lie in the store; they may be read, never written.
type Kernel struct {
	Key       string            `json:"key"`
	Release   string            `json:"release"` // as uname -r will say
	Compiler  string            `json:"compiler"`
	Source    string            `json:"source"` // for people
	Package   debian.Provenance `json:"package,omitzero"`
	Patches   []string          `json:"patches,omitempty"`
	Objects   int               `json:"objects"` // compiled for it
	Took      time.Duration     `json:"took_ns"`
	Vmlinuz   string            `json:"-"`
	Vmlinux   string            `json:"-"` // ELF, with symbols
	SystemMap string            `json:"-"`
	Config    string            `json:"-"`
	Build     string            `json:"-"` // modules can be built against it, with Compiler
	Log       string            `json:"-"`
	// Digest is of what it was built from before patches, after a word that says of what: "dir" and the SHA-256 of the names, the execute
	// bits and the contents of all files, "tar" or "deb" and the SHA-256 of the file, "git" and the commit.
	Digest string `json:"-"`
}

// Error is a build that failed in the compiler or in the kernel's build system. Errors of other kinds (no network, no space,
// a bad patch) are not of this type.
type Error struct {
	Step string // of the progress
	Text string // what the compiler said, at most maxErrorLines lines
	Log  string // all of it
	Err  error
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %v\n%s\n  log: %s", e.Step, e.Err, e.Text, e.Log)
}

func (e *Error) Unwrap() error { return e.Err }

// Build returns the kernel of s, out of the store if it was built before, else by building it. Two builds of the same Spec at
// once are one build; two builds in the same work tree wait for each other. When ctx ends, make and all its children are
// killed. progress may be nil.
func Build(ctx context.Context, s Spec, progress Progress) (*Kernel, error) {
	if progress == nil {
		progress = func(Event) {}
	}
	k, err := build(ctx, s, progress)
	if err != nil {
		return nil, fmt.Errorf("build kernel: %w", err)
	}
	return k, nil
}

func build(ctx context.Context, s Spec, progress Progress) (*Kernel, error) {
	cc, err := compiler(ctx, s.Compiler)
	if err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	touched, err := touchedBy(s.Patches)
	if err != nil {
		return nil, err
	}
	src, err := resolve(ctx, s, progress)
	if err != nil {
		return nil, err
	}
	if src.dir != "" { // its digest is only known once it was read
		if err := store.Absent(ctx, "a build of "+src.dir+" as it is now"); err != nil {
			return nil, err
		}
	}
	w, err := workTree(src, s.Config, cc)
	if err != nil {
		return nil, err
	}
	if src.dir != "" {
		// The digest of a directory is that of its files now. It is taken while the work tree is made the same.
		unlock, err := w.lock(ctx, progress)
		if err != nil {
			return nil, err
		}
		src.key, err = w.follow(ctx, src.dir, progress)
		unlock()
		if err != nil {
			return nil, err
		}
	}
	key := s.key(src, cc)
	dir, err := store.Do(ctx, "built", key, progress.lines(), func(ctx context.Context, tmp string) error {
		unlock, err := w.lock(ctx, progress)
		if err != nil {
			return err
		}
		defer unlock()
		b := &builder{Spec: s, key: key, src: src, cc: cc, w: w, touched: touched, progress: progress}
		return b.run(ctx, tmp)
	})
	if err != nil {
		return nil, err
	}
	k, err := load(dir)
	if err == nil {
		k.Digest = src.key
	}
	return k, err
}

func (s Spec) key(src *source, cc *toolchain) string {
	parts := []string{version, src.key, cc.id, s.Config.key()}
	for _, p := range s.Patches {
		parts = append(parts, string(p.Data))
	}
	return store.Key(parts...)
}

// builder is one build under way. It holds the lock of its work tree.
type builder struct {
	Spec
	key      string
	src      *source
	cc       *toolchain
	w        *tree
	touched  []string
	progress Progress
}

func (b *builder) run(ctx context.Context, tmp string) error {
	start := time.Now()
	if err := b.w.recover(); err != nil {
		return err
	}
	if b.src.dir != "" {
		key, err := b.w.follow(ctx, b.src.dir, b.progress)
		if err != nil {
			return err
		}
		if key != b.src.key {
			return fmt.Errorf("%s changed while it was waited for; run the build again", b.src.dir)
		}
	} else {
		if err := b.src.store(ctx, b.progress); err != nil {
			return err
		}
		if err := b.w.link(ctx, b.src.pristine, b.progress); err != nil {
			return err
		}
	}
	b.progress(Event{Step: "patch"})
	changed, err := b.w.patch(ctx, b.src.files(), b.Patches, b.touched)
	if err != nil {
		return err
	}
	m, err := b.newMake()
	if err != nil {
		return err
	}
	defer m.close()
	b.progress(Event{Step: "configure"})
	if err := b.configure(ctx, m); err != nil {
		return err
	}
	objects, err := b.compile(ctx, m, changed)
	if err != nil {
		return err
	}
	b.progress(Event{Step: "collect"})
	if err := b.collect(ctx, m, tmp, objects, time.Since(start)); err != nil {
		return err
	}
	return m.keepLog(filepath.Join(tmp, "build.log"))
}

// compile runs make for everything a Kernel holds and returns how many objects it made.
func (b *builder) compile(ctx context.Context, m *maker, changed []string) (int, error) {
	expected, err := b.w.expect(append(changed, b.w.followed...), b.Config)
	if err != nil {
		return 0, err
	}
	done, err := b.w.dirty()
	if err != nil {
		return 0, err
	}
	count := &counter{expected: expected, progress: b.progress}
	err = m.run(ctx, "compile", count.line, "bzImage", "modules")
	var failed *Error
	if err == nil || errors.As(err, &failed) && ctx.Err() == nil {
		// make ended by itself: what is in the tree is whole.
		err = errors.Join(err, done())
	}
	if err != nil {
		return count.done, err
	}
	return count.done, b.w.built(b.Config, count.done)
}

// load reads what collect has written.
func load(dir string) (*Kernel, error) {
	k, err := readKernel(filepath.Join(dir, "kernel.json"))
	if err != nil {
		return nil, fmt.Errorf("read build: %w", err)
	}
	k.Vmlinuz = filepath.Join(dir, "bzImage")
	k.Vmlinux = filepath.Join(dir, "vmlinux")
	k.SystemMap = filepath.Join(dir, "System.map")
	k.Config = filepath.Join(dir, "config")
	k.Build = filepath.Join(dir, "build")
	k.Log = filepath.Join(dir, "build.log")
	if _, err := os.Stat(k.Vmlinuz); err != nil {
		return nil, fmt.Errorf("read build: %w", err)
	}
	return k, nil
}
