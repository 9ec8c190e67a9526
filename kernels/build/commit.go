// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// Commit names what is checked out in dir, if that is the top of a git work tree, and says whether files that git knows have changes
// that are in no commit. id is "" where there is no commit to name.
func Commit(ctx context.Context, dir string) (id string, dirty bool) {
	if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
		return "", false
	}
	git := func(args ...string) (string, error) {
		out, err := output(ctx, dir, append([]string{"git", "-c", "safe.directory=*", "--no-optional-locks"}, args...)...)
		return strings.TrimSpace(string(out)), err
	}
	id, err := git("rev-parse", "HEAD")
	if err != nil || !commit.MatchString(id) {
		return "", false
	}
	changed, err := git("status", "--porcelain", "--untracked-files=normal")
	return id, err != nil || changed != ""
}
