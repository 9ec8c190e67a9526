// Package law holds the design's import law as a test, so that it is kept where no linter is installed. The same law stands in
// .golangci.yaml for editors.
package law

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// rank is the place of a folder in the one direction of imports: a package may import only packages of a lower or its own rank.
var rank = []struct {
	prefix string
	rank   int
}{
	{"lastpage/capture", 1}, {"lastpage/kernels", 1}, {"lastpage/dut", 2}, {"lastpage/harness", 3}, {"lastpage/lab", 4},
	{"lastpage/specs", 5}, {"lastpage/cmd", 6},
}

// pure packages work on files alone: nothing below them, at any depth, may reach for a board or a port.
var pure = []string{"lastpage/capture/ring", "lastpage/harness/align", "lastpage/harness/gaps", "lastpage/harness/grade", "lastpage/harness/gate", "lastpage/harness/report"}

var impure = []string{"lastpage/dut", "github.com/onsi/", "go.bug.st/serial", "github.com/digitalocean/go-qemu"}

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "lastpage/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 8 {
		t.Fatalf("go list names only %d packages", len(all))
	}
	return all
}

func rankOf(path string) int {
	for _, r := range rank {
		if path == r.prefix || strings.HasPrefix(path, r.prefix+"/") {
			return r.rank
		}
	}
	return 0
}

func TestImportsPointOneWay(t *testing.T) {
	for _, p := range packages(t) {
		for _, i := range p.Imports {
			if rankOf(i) > rankOf(p.ImportPath) {
				t.Errorf("%s imports %s, which stands above it", p.ImportPath, i)
			}
		}
	}
}

func TestPurePackages(t *testing.T) {
	for _, p := range packages(t) {
		for _, name := range pure {
			if p.ImportPath != name {
				continue
			}
			for _, d := range p.Deps {
				for _, bad := range impure {
					if strings.HasPrefix(d, bad) {
						t.Errorf("%s must be a pure function of files, and depends on %s", p.ImportPath, d)
					}
				}
			}
		}
	}
}
