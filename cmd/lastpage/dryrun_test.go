// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"
)

// A dry run needs no QEMU, no apt and no network, leaves nothing behind, and says "?" where nothing on this machine knows.
func TestDryRun(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"run", "--dry-run"}, []string{"debian-6.12        fetch linux-image-6.12.*-amd64-unsigned, ? MB", "to download: ? MB", "2 in each of 8 courses of each of 2 strategies: 32, "}},
		{[]string{"run", "--dry-run", "--courses", "1", "--out", "new/deep", "--trials", "5", "--scenario", "warn", "--backlog", "1152", "--record-len", "100"},
			[]string{"5 in each of 1 courses of each of 2 strategies: 10,", "at least 10.0 s"}},
		{[]string{"sweep", "--dry-run", "--strategy", "legacy", "--points", "7"}, []string{"a reference and 7 points of each of 1 strategies and 1 courses: 8 at most"}},
		{[]string{"sweep", "--dry-run", "--strategy", "legacy,nbcon-rt", "--courses", "3", "--points", "7"}, []string{"2 strategies and 3 courses: 48 at most"}},
		{[]string{"matrix", "--dry-run", "--strategy", "legacy,nbcon-rt", "--scenario", "warn,warn-nmi-panic"},
			[]string{"20 of each of 2 strategies, in 2 scenarios: 40,"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			dir := badInput(t)
			before := listing(t, dir)
			out, errs := (&call{args: c.args, path: "/nonexistent"}).do(t, dir)
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s%s", want, out, errs)
				}
			}
			if after := listing(t, dir); after != before {
				t.Errorf("files before:\n%s\nfiles after:\n%s", before, after)
			}
			if left, err := os.ReadDir(os.Getenv("LASTPAGE_CACHE")); err != nil || len(left) > 0 {
				t.Errorf("left in the cache: %v, %v", left, err)
			}
		})
	}
}
