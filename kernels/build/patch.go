// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Patch is a unified diff, as git format-patch or diff -u make it, with names one directory deep (-p1).
type Patch struct {
	Name string
	Data []byte
}

// touchedBy lists the files that the patches change, make or remove, without repeats.
func touchedBy(patches []Patch) ([]string, error) {
	var all []string
	for _, p := range patches {
		names, err := p.touches()
		if err != nil {
			return nil, err
		}
		all = union(all, names)
	}
	return all, nil
}

func (p Patch) touches() ([]string, error) {
	var names []string
	left := 0 // lines of the current hunk, so that a removed line "-- x" is not taken for a file
	add := 0
	in := bufio.NewScanner(bytes.NewReader(p.Data))
	in.Buffer(nil, 16<<20)
	for n := 1; in.Scan(); n++ {
		line := in.Text()
		if left > 0 || add > 0 {
			switch {
			case strings.HasPrefix(line, "+"):
				add--
			case strings.HasPrefix(line, "-"):
				left--
			case strings.HasPrefix(line, "\\"):
			default:
				left--
				add--
			}
			continue
		}
		switch {
		case strings.HasPrefix(line, "@@ -"):
			left, add = hunk(line)
		case strings.HasPrefix(line, "GIT binary patch"), strings.HasPrefix(line, "rename from "):
			return nil, fmt.Errorf("patch %s: line %d: %q is not supported", p.Name, n, line)
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "):
			name, _, _ := strings.Cut(line[4:], "\t")
			if name == "/dev/null" {
				continue
			}
			_, file, ok := strings.Cut(name, "/")
			if !ok || !filepath.IsLocal(file) {
				if strings.HasPrefix(line, "--- ") && !strings.Contains(name, "/") {
					continue // of the mail
				}
				return nil, fmt.Errorf("patch %s: line %d: file %q: want a name below one directory (a/..., b/...)", p.Name, n, name)
			}
			names = append(names, filepath.Clean(file))
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("patch %s: %w", p.Name, err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("patch %s: not a patch: it changes no file (want a unified diff, as git format-patch makes it)", p.Name)
	}
	return names, nil
}

// hunk reads "@@ -a,b +c,d @@": b old lines and d new ones follow.
func hunk(line string) (old, new int) {
	f := strings.Fields(line)
	if len(f) < 3 {
		return 0, 0
	}
	return count(f[1]), count(f[2])
}

func count(s string) int {
	_, n, ok := strings.Cut(s, ",")
	v := 1
	if ok {
		if _, err := fmt.Sscan(n, &v); err != nil {
			return 0
		}
	}
	return v
}

// ApplyError is a patch that does not fit the tree.
type ApplyError struct {
	Patch string
	Text  string // what patch(1) said
	Err   error
}

func (e *ApplyError) Error() string {
	return fmt.Sprintf("patch %s does not apply: %v\n%s", e.Patch, e.Err, e.Text)
}

func (e *ApplyError) Unwrap() error { return e.Err }

// apply patches the files in dir. Context may be off by lines, not in content: what does not fit in every line is an error.
func (p Patch) apply(ctx context.Context, dir string) error {
	out, err := input(ctx, dir, p.Data, "patch", "-p1", "--batch", "--forward", "--fuzz=0", "--no-backup-if-mismatch", "-r", "-")
	if err != nil {
		return &ApplyError{Patch: p.Name, Text: strings.TrimSpace(string(out)), Err: err}
	}
	return nil
}

// Applies says whether patches apply to the tree in dir, one after the other. It writes nothing there.
func Applies(ctx context.Context, dir string, patches []Patch) error {
	touched, err := touchedBy(patches)
	if err != nil {
		return err
	}
	staging, err := os.MkdirTemp("", "lastpage-patch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(staging)
	return stage(ctx, dir, staging, touched, patches)
}

// stage copies files that exist in dir to staging and patches them there.
func stage(ctx context.Context, dir, staging string, files []string, patches []Patch) error {
	for _, f := range files {
		if err := copyFile(filepath.Join(dir, f), filepath.Join(staging, f)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("patch: %w", err)
		}
	}
	for _, p := range patches {
		if err := p.apply(ctx, staging); err != nil {
			return err
		}
	}
	return nil
}
