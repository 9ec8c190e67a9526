// SPDX-License-Identifier: Apache-2.0

package law

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unindented is text without the blanks at the beginnings and ends of its lines.
func unindented(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(l)
	}
	return strings.Join(lines, "\n")
}

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)\n```")

// exported are the names that the sources of a folder export, but those of tests.
func exported(t *testing.T, folder string) []string {
	t.Helper()
	var names []string
	for _, f := range files(t) {
		if path.Dir(f) != folder || path.Ext(f) != ".go" || strings.HasSuffix(f, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f, read(t, f), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.IsExported() {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names
}

// The page about specs of one's own shows code of specs/example, which the tests compile and run, and names every matcher.
func TestOwnSpecs(t *testing.T) {
	page, code := read(t, "docs/own-specs.md"), unindented(read(t, "specs/example/warn_test.go"))
	blocks := goBlock.FindAllStringSubmatch(page, -1)
	if len(blocks) == 0 {
		t.Error("docs/own-specs.md shows no code")
	}
	for _, b := range blocks {
		if !strings.Contains(code, unindented(b[1])) {
			t.Errorf("docs/own-specs.md: specs/example has no such lines:\n%s", b[1])
		}
	}
	if mod := read(t, "specs/example/go.mod"); !strings.Contains(mod, "lastpage v0.0.0") || !strings.Contains(mod, "replace lastpage => ../..") {
		t.Error("docs/own-specs.md: specs/example/go.mod requires or replaces lastpage in another way")
	}

	table := page[strings.Index(page, "## The matchers"):]
	table = table[:strings.Index(table, "\n\nMost")]
	var named []string
	for _, m := range regexp.MustCompile("`([A-Z][A-Za-z]+)`").FindAllStringSubmatch(table, -1) {
		named = append(named, m[1])
	}
	there := exported(t, "specs/match")
	slices.Sort(named)
	slices.Sort(there)
	if !slices.Equal(named, there) {
		t.Errorf("docs/own-specs.md names the matchers\n%v\nspecs/match has\n%v", named, there)
	}
}
