// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lastpage/harness/compare"
)

// history is a git repository of so many commits, and their names, the oldest first.
func history(t *testing.T, n int) (dir string, commits []string) {
	t.Helper()
	dir = t.TempDir()
	in := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.org"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	in("init", "--quiet")
	for i := range n {
		if err := os.WriteFile(filepath.Join(dir, "file"), fmt.Appendf(nil, "%d\n", i), 0o644); err != nil {
			t.Fatal(err)
		}
		in("add", "file")
		in("commit", "--quiet", "-m", fmt.Sprintf("commit %d", i))
		commits = append(commits, in("rev-parse", "HEAD"))
	}
	return dir, commits
}

// contents are all files below dir with what is in them.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Whichever commit is the guilty one, it is found in so many steps as a search by halves takes, and the user's repository is only read.
func TestBisectionFinds(t *testing.T) {
	dir, all := history(t, 17)
	before := contents(t, dir)
	for _, guilty := range []int{1, 8, 16} {
		b, err := bisect(t.Context(), dir, filepath.Join(t.TempDir(), "git"), all[0], all[16])
		if err != nil {
			t.Fatal(err)
		}
		for steps := 0; ; steps++ {
			commit, left, first, among, err := b.next(t.Context())
			if err != nil || among != nil || steps > 5 || commit != "" && steps+left > 5 {
				t.Fatalf("guilty %d: %v, %v, after %d steps %d are left", guilty, err, among, steps, left)
			}
			if commit == "" {
				if first != all[guilty] {
					t.Errorf("guilty %d: found %s", guilty, first)
				}
				break
			}
			m := compare.Good
			if slices.Index(all, commit) >= guilty {
				m = compare.Bad
			}
			if err := b.mark(t.Context(), m, commit); err != nil {
				t.Fatal(err)
			}
		}
		if s, err := b.subject(t.Context(), all[guilty]); err != nil || s != fmt.Sprintf("commit %d", guilty) {
			t.Errorf("%q, %v", s, err)
		}
	}
	if after := contents(t, dir); len(after) != len(before) {
		t.Errorf("%d files were %d", len(after), len(before))
	} else {
		for name, was := range before {
			if after[name] != was {
				t.Errorf("%s has changed", name)
			}
		}
	}
}

// Commits that cannot be judged are stepped over; if the guilty one is among them, all that may be it are named.
func TestBisectionSkips(t *testing.T) {
	dir, all := history(t, 17)
	for _, c := range []struct {
		guilty int
		skip   []int
		first  int // 0: it cannot be told
		among  []int
	}{
		{11, []int{7, 8, 9}, 11, nil},
		{8, []int{8}, 0, []int{8, 9}},
		{9, []int{7, 8}, 0, []int{7, 8, 9}},
	} {
		b, err := bisect(t.Context(), dir, filepath.Join(t.TempDir(), "git"), all[0], all[16])
		if err != nil {
			t.Fatal(err)
		}
		for {
			commit, _, first, among, err := b.next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if commit != "" {
				m, at := compare.Good, slices.Index(all, commit)
				switch {
				case slices.Contains(c.skip, at):
					m = compare.Skip
				case at >= c.guilty:
					m = compare.Bad
				}
				if err := b.mark(t.Context(), m, commit); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if c.first > 0 && first != all[c.first] {
				t.Errorf("guilty %d, skipped %v: %s, %v", c.guilty, c.skip, first, among)
			}
			var at []int
			for _, a := range among {
				at = append(at, slices.Index(all, a))
			}
			slices.Sort(at)
			if !slices.Equal(at, c.among) {
				t.Errorf("guilty %d, skipped %v: among %v, want %v", c.guilty, c.skip, at, c.among)
			}
			break
		}
	}
}

// The commit that the first bad one is compared with is the one before it, or the nearest that was good.
func TestBisectionLastGood(t *testing.T) {
	dir, all := history(t, 6)
	b, err := bisect(t.Context(), dir, filepath.Join(t.TempDir(), "git"), all[0], all[5])
	if err != nil {
		t.Fatal(err)
	}
	tried := &compare.Bisect{Steps: []*compare.BisectStep{{Commit: all[1], Mark: compare.Good}, {Commit: all[2], Mark: compare.Good}, {Commit: all[3], Mark: compare.Skip}}}
	if got, err := b.lastGood(t.Context(), all[4], tried); err != nil || got != all[2] {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := b.lastGood(t.Context(), all[1], tried); err != nil || got != all[0] {
		t.Errorf("%s, %v", got, err)
	}
	if n, err := b.between(t.Context()); err != nil || n != 5 {
		t.Errorf("%d, %v", n, err)
	}
	if err := b.remove(); err != nil {
		t.Error(err)
	}
}

// What cannot be a bisection is refused before anything is built, and leaves nothing.
func TestBisectRefuses(t *testing.T) {
	dir, all := history(t, 3)
	t.Chdir(t.TempDir())
	two := "--tree " + dir + " --good " + all[0] + " --bad " + all[2]
	for args, want := range map[string]string{
		"--tree " + dir + " --good " + all[0]:                         "--bad is missing",
		"--tree " + dir + " --good " + all[0] + " --bad nothing":      "nothing is no commit of",
		"--tree " + dir + " --good " + all[0] + " --bad " + all[0]:    "are one commit",
		two + " --courses 4":                                          "passes nothing with less than 8",
		two + " --board qemu-concurrent":                              "git bisect run lastpage gate --base tree",
		two + " --scenario warm":                                      "warn",
		two + " --resume " + t.TempDir():                              "there is no bisection in it",
		two + " --config /nonexistent":                                "--config",
		two + " --dry-run --json":                                     "--json has no effect with --dry-run",
		two + " --backlog 0 --record-len 60":                          "--record-len has no effect",
		two + " --patch x":                                            "--patch",
		"--tree " + t.TempDir() + " --good " + all[0] + " --bad HEAD": "is no git repository",
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), append([]string{"bisect"}, strings.Fields(args)...), &out, &errs); code != exitLabFailed || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: status %d: %s", args, code, errs.String())
		}
	}
	var out, errs bytes.Buffer
	if code := run(t.Context(), append([]string{"bisect", "--dry-run"}, strings.Fields(two)...), &out, &errs); code != exitPassed || !strings.Contains(out.String(), "2 commits after "+all[0][:12]) {
		t.Errorf("status %d: %s%s", code, out.String(), errs.String())
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}
