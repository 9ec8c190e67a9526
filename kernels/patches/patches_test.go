// SPDX-License-Identifier: Apache-2.0

package patches

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lastpage/kernels/build"
	"lastpage/kernels/store"
)

func TestHeaders(t *testing.T) {
	series, err := Series("7.x")
	if err != nil || len(series) == 0 {
		t.Fatal(err)
	}
	for _, p := range series {
		head, _, _ := strings.Cut(string(p.Data), "\n---\n")
		if !regexp.MustCompile(`(?s)\nStands for: .*claim`).MatchString(head) {
			t.Errorf("%s does not say which claim it stands for", p.Name)
		}
	}
	for _, name := range Mutants() {
		p, err := Mutant(name)
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(string(p.Data), "\n---\n")
		if !strings.Contains(head, "Broken promise: ") {
			t.Errorf("%s does not say which promise it breaks", p.Name)
		}
	}
	if _, err := Series("mutants"); err == nil {
		t.Error("the mutants are no series")
	}
	if _, err := Mutant("nobody"); err == nil || !strings.Contains(err.Error(), "deferred-forgets") {
		t.Errorf("unknown mutant: %v", err)
	}
}

// TestApply applies the series, and each mutant on top, to every unpacked source of Linux 7 in the cache.
func TestApply(t *testing.T) {
	root, err := store.Root()
	if err != nil {
		t.Fatal(err)
	}
	trees, err := filepath.Glob(filepath.Join(root, "source", "[^.]*"))
	if err != nil {
		t.Fatal(err)
	}
	series, err := Series("7.x")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, tree := range trees {
		release := version(tree)
		if !strings.HasPrefix(release, "7.") {
			continue
		}
		if _, err := os.Stat(filepath.Join(tree, "kernel", "printk", "flush.c")); err == nil {
			continue // a user's tree, in which the series is already
		}
		tried++
		t.Run(release, func(t *testing.T) {
			if err := build.Applies(t.Context(), tree, series); err != nil {
				t.Fatal(err)
			}
			for _, name := range Mutants() {
				m, err := Mutant(name)
				if err != nil {
					t.Fatal(err)
				}
				if err := build.Applies(t.Context(), tree, append(series[:len(series):len(series)], m)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if tried == 0 {
		t.Skip("no source of Linux 7 in the cache: `lastpage kernels build` fetches one")
	}
}

var numbers = regexp.MustCompile(`(?m)^(VERSION|PATCHLEVEL|SUBLEVEL) = (\d+)$`)

// version reads the first lines of a kernel's Makefile; "" if it is none.
func version(tree string) string {
	data, err := os.ReadFile(filepath.Join(tree, "Makefile"))
	if err != nil {
		return ""
	}
	var v []string
	for _, m := range numbers.FindAllStringSubmatch(string(data), -1) {
		v = append(v, m[2])
	}
	return strings.Join(v, ".")
}
