// SPDX-License-Identifier: Apache-2.0

package law

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the folder of the tree, from this one.
const root = "../.."

// files are all files of the tree, by slash-separated paths below root. What is made is not among them, nor test data.
func files(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if d.Name() == "testdata" || d.Name() == ".git" || rel == "runs" || rel == "trials" {
				return filepath.SkipDir
			}
			return nil
		}
		if d.Type().IsRegular() {
			all = append(all, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func read(t *testing.T, rel string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, rel))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// write replaces a file and keeps its mode.
func write(t *testing.T, rel, data string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, rel), []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

// ofTree reads the imports of the module's packages, whatever their build tags are. The files are read by this process, so that the go
// command knows on what a kept result of the test rests.
func ofTree(t *testing.T) imports {
	t.Helper()
	all := files(t)
	var others []string // modules of their own
	for _, f := range all {
		if path.Base(f) == "go.mod" && f != "go.mod" {
			others = append(others, path.Dir(f))
		}
	}
	im := imports{}
	for _, f := range all {
		dir := path.Dir(f)
		if !strings.HasSuffix(f, ".go") || strings.HasSuffix(f, "_test.go") || slices.ContainsFunc(others, func(o string) bool { return within(dir, o) }) {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f, read(t, f), parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		pkg := path.Join("lastpage", dir)
		if _, ok := im[pkg]; !ok {
			im[pkg] = nil
		}
		for _, i := range parsed.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(im[pkg], p) {
				im[pkg] = append(im[pkg], p)
			}
		}
	}
	return im
}

func TestImports(t *testing.T) {
	im := ofTree(t)
	for _, want := range []string{"lastpage/cmd/lastpage", "lastpage/harness/grade/replay", "lastpage/capture/ring"} {
		if len(im[want]) == 0 {
			t.Fatalf("no imports of %s were read: is the tree another?", want)
		}
	}
	for _, v := range im.violations() {
		t.Error(v)
	}
}

// Every kind of breach is found, in a tree that has only that one.
func TestBreachesAreFound(t *testing.T) {
	clean := imports{
		"lastpage/cmd/lastpage":         {"lastpage/lab", "lastpage/harness/report", "lastpage/harness/report/plot"},
		"lastpage/lab":                  {"lastpage/dut/qemu", "lastpage/harness"},
		"lastpage/harness":              {"lastpage/dut", "lastpage/harness/grade"},
		"lastpage/harness/compare":      {"lastpage/harness", "lastpage/dut"},
		"lastpage/harness/report":       {"lastpage/harness/compare", "lastpage/harness"},
		"lastpage/harness/report/plot":  {"github.com/wcharczuk/go-chart/v2"},
		"lastpage/harness/grade":        {"lastpage/capture/ring"},
		"lastpage/harness/grade/replay": {"lastpage/harness/grade"},
		"lastpage/dut":                  {"lastpage/capture/wire"},
		"lastpage/dut/qemu":             {"lastpage/dut", "github.com/digitalocean/go-qemu/qmp"},
		"lastpage/capture/ring":         {"os"},
		"lastpage/capture/wire":         {"io"},
	}
	if got := clean.violations(); len(got) > 0 {
		t.Fatalf("the clean tree breaks the law: %q", got)
	}
	for _, c := range []struct{ from, to, want string }{
		{"lastpage/capture/wire", "lastpage/dut", "stands above"},
		{"lastpage/dut", "lastpage/harness", "stands above"},
		{"lastpage/lab", "lastpage/cmd/lastpage", "stands above"},
		{"lastpage/util", "os", "has no rank"},
		{"lastpage/harness/grade", "lastpage/dut", "no board attached"},
		{"lastpage/harness/grade/replay", "lastpage/dut/qemu", "no board attached"}, // below a folder that is named
		{"lastpage/capture/ring", "go.bug.st/serial", "no board attached"},
		{"lastpage/capture/ring", "lastpage/capture/port", ""},
		{"lastpage/capture/port", "go.bug.st/serial", ""},
		{"lastpage/harness/compare", "lastpage/dut/qemu", "no kind of board"},
		{"lastpage/harness/report", "lastpage/dut", "asks no board"},
		{"lastpage/harness/report", "lastpage/harness/report/plot", "a library that draws"},
		{"lastpage/harness/compare", "gonum.org/v1/plot", "a library that draws"},
		{"lastpage/harness/report/plot", "lastpage/harness", "plain values"},
		{"lastpage/harness", "lastpage/dut/duttest", "for tests"},
	} {
		im := imports{}
		for path, i := range clean {
			im[path] = slices.Clone(i)
		}
		im[c.from] = append(im[c.from], c.to)
		got := strings.Join(im.violations(), "\n")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s imports %s: found %q, want %q", c.from, c.to, got, c.want)
		}
	}
	// Through a package that is pure by its own imports.
	im := imports{}
	for path, i := range clean {
		im[path] = slices.Clone(i)
	}
	im["lastpage/capture/ring"] = append(im["lastpage/capture/ring"], "lastpage/capture/port")
	im["lastpage/capture/port"] = []string{"go.bug.st/serial"}
	if got := strings.Join(im.violations(), "\n"); !strings.Contains(got, "lastpage/harness/grade imports lastpage/capture/ring imports lastpage/capture/port imports go.bug.st/serial") {
		t.Errorf("a chain of imports: found %q", got)
	}
}
