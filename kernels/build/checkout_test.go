// SPDX-License-Identifier: Apache-2.0

package build

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A commit of a repository on this machine is written out whole, whatever is checked out there, and the repository is only read.
func TestCheckout(t *testing.T) {
	repo, to := t.TempDir(), t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", repo, "-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
		return string(out)
	}
	git("init", "--quiet")
	if err := os.MkdirAll(filepath.Join(repo, "scripts"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"Makefile": 0o644, "scripts/run": 0o755} {
		if err := os.WriteFile(filepath.Join(repo, name), []byte(name+"\r\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("Makefile", filepath.Join(repo, "link")); err != nil {
		t.Fatal(err)
	}
	git("add", ".")
	git("commit", "--quiet", "-m", "one")
	id := git("rev-parse", "HEAD")[:40]
	if err := os.WriteFile(filepath.Join(repo, "Makefile"), []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	git("commit", "--quiet", "-a", "-m", "two")
	before := git("status", "--porcelain=v2", "--branch")
	index, err := os.ReadFile(filepath.Join(repo, ".git/index"))
	if err != nil {
		t.Fatal(err)
	}
	if err := checkout(t.Context(), repo, id, to); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"Makefile": 0o644, "scripts/run": 0o755} {
		data, err := os.ReadFile(filepath.Join(to, name))
		st, statErr := os.Stat(filepath.Join(to, name))
		if err != nil || statErr != nil || string(data) != name+"\r\n" || st.Mode().Perm()&0o111 != mode&0o111 {
			t.Errorf("%s: %q, %v, %v", name, data, err, statErr)
		}
	}
	if target, err := os.Readlink(filepath.Join(to, "link")); err != nil || target != "Makefile" {
		t.Errorf("link: %q, %v", target, err)
	}
	if left, err := filepath.Glob(filepath.Join(to, ".git*")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	after, err := os.ReadFile(filepath.Join(repo, ".git/index"))
	if err != nil || string(after) != string(index) || git("status", "--porcelain=v2", "--branch") != before {
		t.Errorf("the repository has changed: %v", err)
	}
	if err := checkout(t.Context(), repo, "0123456789012345678901234567890123456789", t.TempDir()); err == nil {
		t.Error("a commit that is not there")
	}
}
