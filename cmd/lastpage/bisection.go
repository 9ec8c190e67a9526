// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"lastpage/harness"
	"lastpage/harness/compare"
)

// bisection is git's own. It goes on in a repository of its own, which has no files and borrows the objects of the user's: that one is only
// read.
type bisection struct {
	dir       string
	good, bad string // commits, whole
}

// firstBad and possible are what `git bisect log` says at the end.
var (
	firstBad = regexp.MustCompile(`(?m)^# first bad commit: \[([0-9a-f]{40,64})\]`)
	possible = regexp.MustCompile(`(?m)^# possible first bad commit: \[([0-9a-f]{40,64})\]`)
)

// bisect makes such a repository in dir, anew.
func bisect(ctx context.Context, tree, dir, good, bad string) (*bisection, error) {
	objects, err := gitPath(ctx, tree, "objects")
	if err != nil {
		return nil, err
	}
	shallow, err := gitPath(ctx, tree, "shallow")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return nil, err
	}
	if _, err := git(ctx, dir, "init", "--quiet", "--bare", "--template=", "."); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "objects/info"), 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "objects/info/alternates"), []byte(objects+"\n"), 0o644); err != nil {
		return nil, err
	}
	if data, err := os.ReadFile(shallow); err == nil {
		if err := os.WriteFile(filepath.Join(dir, "shallow"), data, 0o644); err != nil {
			return nil, err
		}
	}
	b := &bisection{dir: dir, good: good, bad: bad}
	for _, args := range [][]string{
		{"update-ref", "--no-deref", "HEAD", bad},
		{"bisect", "start", "--no-checkout", bad, good},
	} {
		if _, err := git(ctx, dir, args...); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// gitPath is a file of a repository, absolute.
func gitPath(ctx context.Context, tree, name string) (string, error) {
	out, err := git(ctx, tree, "rev-parse", "--git-path", name)
	if err != nil {
		return "", err
	}
	path := strings.TrimSpace(string(out))
	if !filepath.IsAbs(path) {
		path = filepath.Join(tree, path)
	}
	return filepath.Abs(path)
}

// next is the commit that is to be tried, and about how many follow it. It is "" at the end: then first is the first bad commit, or
// among are those of which one is it.
func (b *bisection) next(ctx context.Context) (commit string, steps int, first string, among []string, err error) {
	log, err := git(ctx, b.dir, "bisect", "log")
	if err != nil {
		return "", 0, "", nil, err
	}
	if m := firstBad.FindSubmatch(log); m != nil {
		return "", 0, string(m[1]), nil, nil
	}
	for _, m := range possible.FindAllSubmatch(log, -1) {
		among = append(among, string(m[1]))
	}
	if among != nil {
		return "", 0, "", among, nil
	}
	out, err := git(ctx, b.dir, "rev-parse", "--verify", "--quiet", "BISECT_HEAD")
	if err != nil {
		return "", 0, "", nil, fmt.Errorf("git bisect names no commit to try: %w", err)
	}
	vars, err := git(ctx, b.dir, "rev-list", "--bisect-vars", "refs/bisect/bad", "--not", "--glob=refs/bisect/good-*")
	if err != nil {
		return "", 0, "", nil, err
	}
	for line := range strings.Lines(string(vars)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "bisect_steps="); ok {
			steps, _ = strconv.Atoi(v)
		}
	}
	return strings.TrimSpace(string(out)), steps, "", nil, nil
}

// exitOnlySkipped is how `git bisect` ends when all that is left was skipped.
const exitOnlySkipped = 2

// mark tells git what a commit is.
func (b *bisection) mark(ctx context.Context, m compare.Mark, commit string) error {
	_, err := git(ctx, b.dir, "bisect", string(m), commit)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exitOnlySkipped {
		return nil // next tells which
	}
	return err
}

// lastGood is the good commit nearest before first, of those that were tried: its parent, if that was.
func (b *bisection) lastGood(ctx context.Context, first string, all *compare.Bisect) (string, error) {
	out, err := git(ctx, b.dir, "rev-list", "--topo-order", first+"^@")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(out)) {
		if s := all.Step(strings.TrimSpace(line)); s != nil && s.Mark == compare.Good {
			return s.Commit, nil
		}
	}
	return b.good, nil
}

// remove takes the repository away.
func (b *bisection) remove() error {
	if !harness.Exists(filepath.Join(b.dir, "BISECT_LOG")) {
		return fmt.Errorf("%s is no repository of a bisection", b.dir)
	}
	return os.RemoveAll(b.dir)
}

// subject is the first line of a commit's message.
func (b *bisection) subject(ctx context.Context, commit string) (string, error) {
	out, err := git(ctx, b.dir, "show", "--no-patch", "--format=%s", commit)
	return strings.TrimSpace(string(out)), err
}

// between counts the commits after good, up to bad.
func (b *bisection) between(ctx context.Context) (int, error) {
	out, err := git(ctx, b.dir, "rev-list", "--count", b.good+".."+b.bad)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(out)))
}
