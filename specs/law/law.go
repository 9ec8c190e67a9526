// SPDX-License-Identifier: Apache-2.0

// Package law holds the laws of the tree: which package may import which, and what every source file and every page of prose looks like.
// It is their one source: no linter repeats them, and make check runs them as tests.
package law

import (
	"fmt"
	"slices"
	"strings"
)

// ranks are the places of folders in the one direction of imports: a package may import only packages of a lower or its own rank. A folder
// that is not named here is a violation.
var ranks = []struct {
	folder string
	rank   int
}{
	{"lastpage/names", 1}, {"lastpage/capture", 1}, {"lastpage/kernels", 1}, {"lastpage/dut", 2}, {"lastpage/harness", 3}, {"lastpage/lab", 4},
	{"lastpage/specs", 5}, {"lastpage/cmd", 6},
}

// bar keeps something out of a folder and all below it, at any depth of imports.
type bar struct {
	folder string
	out    []string // prefixes of import paths
	// but are packages whose values may be used: what they import themselves does not count.
	but []string
	why string
}

// boards are what a pure function of files does not reach for.
var boards = []string{"lastpage/dut", "lastpage/lab", "lastpage/kernels/build", "github.com/onsi/", "go.bug.st/serial", "github.com/digitalocean/go-qemu"}

// drawing are libraries that draw, with their fonts.
var drawing = []string{"github.com/wcharczuk/go-chart", "github.com/golang/freetype", "golang.org/x/image", "gonum.org/v1/plot", "codeberg.org/go-pdf",
	"lastpage/harness/report/plot"}

const (
	pure = "a trial can be graded years later, with no board attached"
	kit  = "specs of one's own do not pull in a library that draws"
)

var bars = []bar{
	{"lastpage/capture/ring", boards, nil, pure},
	{"lastpage/harness/align", boards, nil, pure},
	{"lastpage/harness/grade", boards, nil, pure},
	{"lastpage/harness/gaps", boards, nil, pure},
	{"lastpage/harness/gate", boards, nil, pure},
	{"lastpage/harness/compare", boards, []string{"lastpage/harness", "lastpage/dut"}, "it puts trials together and knows no kind of board"},
	{"lastpage/harness/report", boards, []string{"lastpage/harness", "lastpage/harness/compare", "lastpage/harness/minimise"}, "it shows values and asks no board"},
	{"lastpage/harness/report/plot", []string{"lastpage/"}, nil, "it draws plain values"},

	{"lastpage/dut/bench", []string{"lastpage/dut/qemu", "lastpage/kernels/build"}, nil, "a bench knows a cable and switches, and no machine"},
	{"lastpage/lab/bench", []string{"lastpage/dut/qemu"}, nil, "a bench knows a cable and switches, and no machine"},

	{"lastpage/harness", drawing, nil, kit},
	{"lastpage/lab", drawing, nil, kit},
	{"lastpage/specs", drawing, nil, kit},

	{"lastpage/cmd", []string{"lastpage/dut/duttest"}, nil, "a scripted board is for tests"},
	{"lastpage/lab", []string{"lastpage/dut/duttest"}, nil, "a scripted board is for tests"},
	{"lastpage/harness", []string{"lastpage/dut/duttest"}, nil, "a scripted board is for tests"},
}

// imports are the packages of a tree, each with what its files other than tests import.
type imports map[string][]string

// violations are all breaches of the law.
func (im imports) violations() []string {
	var bad []string
	for _, path := range im.sorted() {
		if rankOf(path) == 0 {
			bad = append(bad, path+": its folder has no rank in specs/law")
		}
		for _, i := range im[path] {
			if rankOf(i) > rankOf(path) {
				bad = append(bad, fmt.Sprintf("%s imports %s, which stands above it", path, i))
			}
		}
		for _, b := range bars {
			if !within(path, b.folder) || slices.ContainsFunc(b.out, func(out string) bool { return within(path, out) }) {
				continue // what is kept out of a folder may stand in it
			}
			for _, chain := range im.reach(path, b) {
				bad = append(bad, fmt.Sprintf("%s: %s", strings.Join(chain, " imports "), b.why))
			}
		}
	}
	return bad
}

// reach finds what b keeps out of path, each with the chain of imports that leads there.
func (im imports) reach(path string, b bar) [][]string {
	var found [][]string
	seen := map[string]bool{path: true}
	for todo := [][]string{{path}}; len(todo) > 0; todo = todo[1:] {
		for _, i := range im[todo[0][len(todo[0])-1]] {
			if seen[i] || slices.Contains(b.but, i) {
				continue
			}
			seen[i] = true
			chain := append(slices.Clone(todo[0]), i)
			if slices.ContainsFunc(b.out, func(out string) bool { return strings.HasPrefix(i, out) }) {
				found = append(found, chain)
				continue
			}
			todo = append(todo, chain)
		}
	}
	return found
}

func (im imports) sorted() []string {
	var all []string
	for path := range im {
		all = append(all, path)
	}
	slices.Sort(all)
	return all
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

// rankOf is 0 for what is not ours.
func rankOf(path string) int {
	for _, r := range ranks {
		if within(path, r.folder) {
			return r.rank
		}
	}
	return 0
}
