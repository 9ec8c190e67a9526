// SPDX-License-Identifier: Apache-2.0

package build

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

	"lastpage/kernels/debian"
	"lastpage/kernels/store"
)

// Source is where a tree comes from. Exactly one of Package, Tarball, Git and Dir is set.
type Source struct {
	Package *debian.Request `yaml:"package,omitempty" json:"package,omitempty"` // a linux-source-* package: a tarball in it
	Tarball string          `yaml:"tarball,omitempty" json:"tarball,omitempty"` // path of a .tar, .tar.gz, .tar.xz, .tar.zst
	Git     string          `yaml:"git,omitempty" json:"git,omitempty"`         // URL
	Ref     string          `yaml:"ref,omitempty" json:"ref,omitempty"`         // of Git: branch, tag or commit; empty is HEAD
	Dir     string          `yaml:"dir,omitempty" json:"dir,omitempty"`         // a tree of the user's; only read
}

// Check says what is wrong with s.
func (s Source) Check() error {
	n := 0
	for _, set := range []bool{s.Package != nil, s.Tarball != "", s.Git != "", s.Dir != ""} {
		if set {
			n++
		}
	}
	switch {
	case n != 1:
		return errors.New("source: want exactly one of package, tarball, git and dir")
	case s.Ref != "" && s.Git == "":
		return errors.New("source: ref without git")
	case strings.HasPrefix(s.Git, "-") || strings.HasPrefix(s.Ref, "-"):
		return errors.New("source: git URL or ref begins with '-'")
	}
	return nil
}

func (s Source) String() string {
	switch {
	case s.Package != nil:
		return s.Package.String()
	case s.Git != "" && s.Ref != "":
		return s.Git + " " + s.Ref
	}
	return s.Git + s.Tarball + s.Dir
}

// source is a Source that was looked up.
type source struct {
	Source
	key      string            // digest of the content, or what stands for one; for dir set by tree.follow
	line     string            // what stays the same while the user edits: names the work tree
	pkg      debian.Provenance // of Package
	pristine string            // unpacked in the store; "" until unpack, and for dir
	dir      string            // absolute, for Dir
	unpack   func(ctx context.Context, tmp string, progress Progress) error
}

// files is where the unpatched files are.
func (s *source) files() string {
	if s.dir != "" {
		return s.dir
	}
	return s.pristine
}

var commit = regexp.MustCompile(`^[0-9a-f]{40}$`)

func resolve(ctx context.Context, s Spec, progress Progress) (*source, error) {
	if err := s.Source.Check(); err != nil {
		return nil, err
	}
	src := &source{Source: s.Source}
	var err error
	switch {
	case s.Source.Package != nil:
		err = src.fromPackage(ctx, s.Refresh, progress)
	case s.Source.Tarball != "":
		err = src.fromTarball()
	case s.Source.Git != "":
		err = src.fromGit(ctx, progress)
	default:
		err = src.fromDir()
	}
	if err != nil {
		return nil, err
	}
	if src.line == "" {
		src.line = src.key
	}
	if src.dir == "" {
		src.pristine, err = store.Path("source", store.Key(version, src.key))
	}
	return src, err
}

func (s *source) fromPackage(ctx context.Context, refresh bool, progress Progress) error {
	r := *s.Package
	r.Refresh = refresh
	deb, prov, err := debian.Fetch(ctx, r, progress.lines())
	if err != nil {
		return err
	}
	s.pkg, s.key = prov, "deb "+prov.SHA256
	s.unpack = func(ctx context.Context, tmp string, progress Progress) error {
		progress(Event{Step: "unpack", Text: prov.Package + " " + prov.Version})
		deep := filepath.Join(tmp, ".deb")
		if err := os.Mkdir(deep, 0o755); err != nil {
			return err
		}
		isTar := func(name string) bool { return strings.HasPrefix(name, "usr/src/linux-source-") && tarball(name) }
		if err := debian.Unpack(ctx, deb, deep, isTar); err != nil {
			return err
		}
		tars, err := filepath.Glob(filepath.Join(deep, "usr/src/linux-source-*.tar*"))
		if err != nil || len(tars) != 1 {
			return fmt.Errorf("unpack %s: %d tarballs in usr/src, want one", prov.Package, len(tars))
		}
		if err := untar(ctx, tars[0], tmp); err != nil {
			return err
		}
		return os.RemoveAll(deep)
	}
	return nil
}

func tarball(name string) bool {
	return regexp.MustCompile(`\.tar(\.(gz|bz2|xz|zst))?$`).MatchString(name)
}

func (s *source) fromTarball() error {
	if err := isTarball(s.Tarball); err != nil {
		return err
	}
	f, err := os.Open(s.Tarball)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("source: %w", err)
	}
	s.key = "tar " + hex.EncodeToString(h.Sum(nil))
	s.unpack = func(ctx context.Context, tmp string, progress Progress) error {
		progress(Event{Step: "unpack", Text: filepath.Base(s.Tarball)})
		return untar(ctx, s.Tarball, tmp)
	}
	return nil
}

// Unpack brings a source into the store, if it is not there, and says where its files are; for a directory that is the directory. They
// may be read, never written.
func Unpack(ctx context.Context, from Source, progress Progress) (dir string, err error) {
	if progress == nil {
		progress = func(Event) {}
	}
	src, err := resolve(ctx, Spec{Source: from}, progress)
	if err == nil && src.dir == "" {
		err = src.store(ctx, progress)
	}
	if err != nil {
		return "", fmt.Errorf("unpack source: %w", err)
	}
	return src.files(), nil
}

// store unpacks s into the store. Two that want the same at once are one.
func (s *source) store(ctx context.Context, progress Progress) error {
	_, err := store.Do(ctx, "source", filepath.Base(s.pristine), progress.lines(), func(ctx context.Context, tmp string) error {
		return s.unpack(ctx, tmp, progress)
	})
	return err
}

// untar unpacks a tarball with one directory at its top.
func untar(ctx context.Context, file, dir string) error {
	_, err := output(ctx, "", "tar", "-C", dir, "--strip-components=1", "--no-same-owner", "-xf", file)
	return err
}

// fromGit finds the commit. A full commit needs no network if it was fetched before.
func (s *source) fromGit(ctx context.Context, progress Progress) error {
	id := s.Ref
	if !commit.MatchString(id) {
		ref := s.Ref
		if ref == "" {
			ref = "HEAD"
		}
		if err := store.Absent(ctx, "what "+s.Git+" "+ref+" names now"); err != nil {
			return err
		}
		progress(Event{Step: "ask", Text: s.Git + " for " + ref})
		// An annotated tag has two lines; the peeled one, "^{}", names the commit.
		out, err := asking(ctx, "git", "ls-remote", s.Git, ref, ref+"^{}")
		if err != nil {
			return err
		}
		id = pickRef(string(out))
		if id == "" {
			return fmt.Errorf("source %s: no branch or tag %q there (a commit must be given with all 40 digits)", s.Git, ref)
		}
	}
	s.key = "git " + id
	s.line = "git " + s.Git + " " + s.Ref
	s.unpack = func(ctx context.Context, tmp string, progress Progress) error {
		if local, ok := strings.CutPrefix(s.Git, "file://"); ok {
			progress(Event{Step: "copy", Text: local + " " + id[:12]})
			return checkout(ctx, local, id, tmp)
		}
		progress(Event{Step: "fetch", Text: s.Git + " " + id[:12]})
		repo := filepath.Join(tmp, ".git")
		for _, args := range [][]string{
			{"git", "init", "-q", tmp},
			{"git", "-C", tmp, "fetch", "-q", "--depth=1", s.Git, id},
			{"git", "-C", tmp, "-c", "core.autocrlf=false", "checkout", "-q", "FETCH_HEAD"},
		} {
			if _, err := asking(ctx, args...); err != nil {
				return err
			}
		}
		return os.RemoveAll(repo)
	}
	return nil
}

// checkout writes the files of a commit of a repository on this machine to dir. It is not fetched: that would pack the whole tree first. The
// repository is only read: the list of what was written is beside the files, until they are there.
func checkout(ctx context.Context, repo, id, dir string) error {
	out, err := output(ctx, repo, "git", "-c", "safe.directory=*", "rev-parse", "--absolute-git-dir")
	if err != nil {
		return err
	}
	list := filepath.Join(dir, ".git-index")
	for _, args := range [][]string{{"read-tree", id}, {"checkout-index", "--all", "--quiet"}} {
		cmd := command(ctx, dir, append([]string{"git", "-c", "safe.directory=*", "-c", "core.autocrlf=false", "-c", "core.bare=false",
			"--git-dir=" + strings.TrimSpace(string(out)), "--work-tree=" + dir}, args...)...)
		cmd.Env = append(cmd.Env, "GIT_INDEX_FILE="+list)
		if _, err := answer(cmd, args); err != nil {
			return err
		}
	}
	return os.Remove(list)
}

func pickRef(out string) string {
	var id string
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) != 2 || !commit.MatchString(f[0]) {
			continue
		}
		if id == "" || strings.HasSuffix(f[1], "^{}") {
			id = f[0]
		}
	}
	return id
}

func (s *source) fromDir() error {
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return err
	}
	if err := isTree(dir); err != nil {
		return err
	}
	s.dir, s.line = dir, "dir "+dir
	return nil
}
