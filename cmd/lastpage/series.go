// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"lastpage/harness"
)

// series is patches in the order in which they are applied, each a file.
type series []string

// mailBegins is the line that begins a mail of an mbox, as git format-patch and mail readers write it.
var mailBegins = regexp.MustCompile(`(?m)^From \S+( at \S+)? +\S.*\d{4}\n`)

// patchFiles expands what the user named: a diff, an mbox or the output of git format-patch, a folder of *.patch in the order of their names,
// "-" for standard input. Mails of an mbox and standard input are written into dir. Mails without a diff (cover letters, replies) are left out.
func patchFiles(named []string, dir string, stdin io.Reader) (all series, err error) {
	for _, n := range named {
		if n == "-" {
			data, err := io.ReadAll(stdin)
			if err != nil {
				return nil, fmt.Errorf("read the patch on standard input: %w", err)
			}
			if all, err = all.split("stdin", data, dir); err != nil {
				return nil, err
			}
			continue
		}
		files := []string{n}
		st, err := os.Stat(n)
		if err != nil {
			return nil, fmt.Errorf("patch: %w", err)
		}
		if st.IsDir() {
			if files, err = filepath.Glob(filepath.Join(n, "*.patch")); err != nil || len(files) == 0 {
				return nil, fmt.Errorf("patch %s: no *.patch in this folder", n)
			}
			slices.Sort(files)
		}
		before := len(all)
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				return nil, fmt.Errorf("patch: %w", err)
			}
			switch mails := mailBegins.FindAllIndex(data, -1); {
			case len(mails) > 1:
				if all, err = all.split(filepath.Base(f), data, dir); err != nil {
					return nil, err
				}
			case hasDiff(data) || !st.IsDir():
				all = append(all, f)
			}
		}
		if len(all) == before {
			return nil, fmt.Errorf("patch %s: no mail in it changes a file", n)
		}
	}
	return all, nil
}

// split writes the mails of an mbox that have a diff as files of their own.
func (s series) split(name string, data []byte, dir string) (series, error) {
	at := mailBegins.FindAllIndex(data, -1)
	mails := [][]byte{data}
	if len(at) > 0 {
		mails = nil
		for i := range at {
			end := len(data)
			if i+1 < len(at) {
				end = at[i+1][0]
			}
			mails = append(mails, data[at[i][0]:end])
		}
	}
	n := 0
	for _, m := range mails {
		if !hasDiff(m) {
			continue
		}
		n++
		path := filepath.Join(dir, fmt.Sprintf("%s-%04d.patch", strings.TrimSuffix(name, filepath.Ext(name)), n))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		if err := harness.WriteFile(path, m); err != nil {
			return nil, err
		}
		s = append(s, path)
	}
	if n == 0 {
		return nil, fmt.Errorf("patch %s: no mail in it changes a file", name)
	}
	return s, nil
}

func hasDiff(data []byte) bool {
	return bytes.Contains(data, []byte("\n@@ -")) || bytes.HasPrefix(data, []byte("@@ -"))
}

var fullCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// commits are the ends of a range A..B in a repository, whole.
func commits(ctx context.Context, tree, text string) (a, b string, err error) {
	from, to, ok := strings.Cut(text, "..")
	if !ok || from == "" || to == "" || strings.HasPrefix(to, ".") || strings.HasPrefix(text, "-") {
		return "", "", fmt.Errorf("--range %s: want A..B, two commits of --tree", text)
	}
	if a, err = commit(ctx, tree, from); err == nil {
		b, err = commit(ctx, tree, to)
	}
	return a, b, err
}

// commit is the whole name of a commit.
func commit(ctx context.Context, tree, name string) (string, error) {
	if _, err := git(ctx, tree, "rev-parse", "--git-dir"); err != nil {
		return "", fmt.Errorf("--tree %s: it is no git repository", tree)
	}
	out, err := git(ctx, tree, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	if err != nil || !fullCommit.MatchString(strings.TrimSpace(string(out))) {
		return "", fmt.Errorf("%s is no commit of %s", name, tree)
	}
	return strings.TrimSpace(string(out)), nil
}

// rangePatch writes what lies between two commits as one patch, so that base and head share a work tree and only what differs is compiled.
// Commits that hold the same files have none.
func rangePatch(ctx context.Context, tree, a, b, dir string) (series, error) {
	data, err := git(ctx, tree, "diff", "--no-renames", "--no-ext-diff", "--no-color", "--src-prefix=a/", "--dst-prefix=b/", a, b)
	if err != nil || !hasDiff(data) { // pictures and modes change no kernel
		return nil, err
	}
	path := filepath.Join(dir, fmt.Sprintf("%s-%s.patch", a[:12], b[:12]))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return series{path}, harness.WriteFile(path, data)
}

// gitPlaces are the variables by which git, in a hook, tells its children of its own repository.
var gitPlaces = regexp.MustCompile(`^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|COMMON_DIR|PREFIX)=`)

func git(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir, "-c", "safe.directory=*", "--no-optional-locks"}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return gitPlaces.MatchString(v) })
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s in %s: %w: %s", args[0], dir, err, strings.TrimSpace(said.String()))
	}
	return out, nil
}
