// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// reasons are the lines of the judge that make a trial void, by file. Each is taken out in turn.
var reasons = map[string]*regexp.Regexp{
	"judge.go":          regexp.MustCompile(`(?m)^\t+(void\(".*\)|t\.Void = append\(t\.Void, t\.Audit\.Void\.\.\.\))$`),
	"conduct.go":        regexp.MustCompile(`(?m)^\t+t\.Void = append\(t\.Void, fmt\.Sprintf\(.*\)$`),
	"regrade.go":        regexp.MustCompile(`(?m)^\t+in\.Void = append\(in\.Void, .*\)$`),
	"grade/evidence.go": regexp.MustCompile(`(?m)^\t+why = append\(why, .*\)$`),
}

// A judge that has forgotten any one of its reasons turns a test red. LASTPAGE_MUTANTS=1, since each is a build and a run of the tests.
func TestMutants(t *testing.T) {
	if os.Getenv("LASTPAGE_MUTANTS") == "" {
		t.Skip("LASTPAGE_MUTANTS=1 builds the tests once for each mutant")
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	found, all := 0, 0
	for name, re := range reasons {
		path := filepath.Join(here, name)
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		places := re.FindAllIndex(source, -1)
		if len(places) == 0 {
			t.Errorf("%s: no reason found in it", name)
		}
		for _, p := range places {
			all++
			line := 1 + bytes.Count(source[:p[0]], []byte("\n"))
			why := strings.TrimSpace(string(source[p[0]:p[1]]))
			mutant := string(source[:p[0]]) + "\t_ = 0 // forgotten" + uses(why) + string(source[p[1]:])
			if survives(t, path, mutant) {
				t.Errorf("%s:%d: forgotten, and no test noticed: %s", name, line, why)
				continue
			}
			found++
		}
	}
	t.Logf("%d of %d mutants found", found, all)
	fmt.Printf("%d of %d mutants of the judge found\n", found, all)
}

// uses keeps what a statement used from being unused.
func uses(statement string) string {
	if !strings.Contains(statement, "Sprintf") {
		return ""
	}
	return "\n_ = fmt.Sprint(" + statement[strings.Index(statement, "Sprintf(")+len("Sprintf("):strings.LastIndex(statement, "))")] + ")"
}

// survives says whether the tests of the harness are green with a mutant in place of a file.
func survives(t *testing.T, path, mutant string) bool {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "mutant.go")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{path: file}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(mutant), 0o644); err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-overlay", list, ".", "./grade/...")
	c.Env = append(os.Environ(), "LASTPAGE_MUTANTS=")
	out, err := c.CombinedOutput()
	if err != nil && !bytes.Contains(out, []byte("--- FAIL")) {
		t.Fatalf("a mutant does not build: %s", out)
	}
	return err == nil
}
