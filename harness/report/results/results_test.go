// SPDX-License-Identifier: Apache-2.0

package results

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/joshdk/go-junit"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/gate"
	"lastpage/harness/grade"
)

// all is a suite with every status, and with what forms trip over.
func all(t *testing.T) *Suite {
	t.Helper()
	dir := t.TempDir()
	long := strings.Repeat("[    1.000000] ünïcode <&> ]]> # \x1b[0m\r\n", 2000)
	if err := os.WriteFile(filepath.Join(dir, harness.ConsoleName), []byte(long+"\xff\x00the end\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := &Suite{Name: "gate", Made: "lastpage test", Command: `lastpage gate --patch 'a "b"'`, Board: "qemu", Started: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
		Kernels: []Kernel{{Name: "base", Release: "7.3.4", Key: "a"}, {Name: "head", Release: "7.3.4", Key: "b", Origin: map[string]string{"tree": "src",
			"commit": strings.Repeat("0a", 20) + ", with changes that are in no commit"}}}}
	for i, st := range []Status{Pass, Fail, Error, Miss, Done, Skip} {
		c := Case{Group: "panic-dies-in:kmsg-dump:hang", Name: fmt.Sprintf("must: warn.stored >= %d # one", i), Kernel: 1, Status: st, Why: "because of #" + string(st)}
		if st == Fail {
			c.Dir, c.Log = dir, console(dir)
		}
		s.Cases = append(s.Cases, c)
	}
	s.Cases = append(s.Cases, Case{Group: "warn", Name: "it", Status: Skip, Why: "no button"}, Case{Group: "panic", Name: "it", Status: Done, Why: "letter A"})
	return s
}

func written(t *testing.T, format string, s *Suite) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestExcerpt(t *testing.T) {
	c := all(t).Cases[1]
	if len(c.Log) > mostLog || len(c.Log) < mostLog-200 || !strings.HasSuffix(c.Log, "?the end\n") || strings.ContainsAny(c.Log, "\x00\x1b\r") {
		t.Errorf("%d bytes, ends %q", len(c.Log), c.Log[len(c.Log)-20:])
	}
}

func TestJUnit(t *testing.T) {
	suites, err := junit.Ingest(written(t, "junit", all(t)))
	if err != nil {
		t.Fatal(err)
	}
	if len(suites) != 3 {
		t.Fatalf("%d suites", len(suites))
	}
	var got []string
	for _, c := range suites[0].Tests {
		got = append(got, string(c.Status))
	}
	if s := strings.Join(got, " "); s != "passed failed error error passed skipped" {
		t.Error(s)
	}
	failed := suites[0].Tests[1]
	if failed.Message != "because of #FAIL" || !strings.HasSuffix(failed.SystemOut, "?the end\n") || failed.Name != "must: warn.stored >= 1 # one" {
		t.Errorf("%+v", failed)
	}
	if tot := suites[0].Totals; tot.Tests != 6 || tot.Failed != 1 || tot.Error != 2 || tot.Skipped != 1 || suites[0].Properties["command"] != `lastpage gate --patch 'a "b"'` {
		t.Errorf("%+v %v", tot, suites[0].Properties)
	}
}

var resultLine = regexp.MustCompile(`^(ok|not ok) (\d+) ([^#]+?)(?: # (SKIP|ERROR)( .*)?)?$`)

// readKTAP reads one level by its grammar: version, plan, results whose numbers count up. Subtests come before the result that they belong to.
func readKTAP(t *testing.T, lines []string, indent string) (results []string, rest []string) {
	t.Helper()
	next := func() string {
		for len(lines) > 0 {
			line := lines[0]
			if !strings.HasPrefix(line, indent) {
				return ""
			}
			line = line[len(indent):]
			if strings.HasPrefix(line, "#") {
				lines = lines[1:]
				continue
			}
			return line
		}
		return ""
	}
	if got := next(); got != "KTAP version 1" {
		t.Fatalf("%q is no version line", got)
	}
	lines = lines[1:]
	n, err := strconv.Atoi(strings.TrimPrefix(next(), "1.."))
	if err != nil {
		t.Fatalf("%q is no plan", next())
	}
	lines = lines[1:]
	for i := 1; i <= n; i++ {
		if strings.HasPrefix(next(), "  KTAP") {
			var sub []string
			sub, lines = readKTAP(t, lines, indent+"  ")
			results = append(results, sub...)
		}
		m := resultLine.FindStringSubmatch(next())
		if m == nil || m[2] != strconv.Itoa(i) {
			t.Fatalf("result %d: %q", i, next())
		}
		results = append(results, strings.TrimSpace(m[1]+" "+m[4]))
		lines = lines[1:]
	}
	return results, lines
}

func TestKTAP(t *testing.T) {
	text := string(written(t, "ktap", all(t)))
	results, rest := readKTAP(t, strings.Split(strings.TrimSuffix(text, "\n"), "\n"), "")
	if want := "ok|not ok|not ok ERROR|not ok ERROR|ok|ok SKIP|not ok|ok SKIP|ok SKIP|ok|ok"; strings.Join(results, "|") != want || len(rest) != 0 {
		t.Errorf("%q, rest %q", strings.Join(results, "|"), rest)
	}
}

// The kernel's own reader agrees, though it knows no ERROR and calls it failed. It is asked where its source lies (LASTPAGE_KUNIT names kunit.py).
func TestKTAPByKunit(t *testing.T) {
	kunit := os.Getenv("LASTPAGE_KUNIT")
	if kunit == "" {
		t.Skip("LASTPAGE_KUNIT does not name tools/testing/kunit/kunit.py of a kernel source")
	}
	file := filepath.Join(t.TempDir(), "gate.ktap")
	if err := os.WriteFile(file, written(t, "ktap", all(t)), 0o644); err != nil {
		t.Fatal(err)
	}
	out, _ := exec.CommandContext(t.Context(), "python3", kunit, "parse", file).CombinedOutput() // its status is that of the tests in the file
	if want := "Ran 8 tests: passed: 3, failed: 3, skipped: 2"; !strings.Contains(string(out), want) {
		t.Errorf("want %q:\n%s", want, out)
	}
}

func TestKCIDB(t *testing.T) {
	var doc any
	if err := json.Unmarshal(written(t, "kcidb", all(t)), &doc); err != nil {
		t.Fatal(err)
	}
	if at := null(doc, "report"); at != "" {
		t.Errorf("%s is null", at)
	}
	tests := doc.(map[string]any)["tests"].([]any)
	var got []string
	ids := map[any]bool{}
	for _, x := range tests {
		c := x.(map[string]any)
		got, ids[c["id"]] = append(got, c["status"].(string)), true
		if !regexp.MustCompile(`^lastpage\.gate(\.[a-zA-Z0-9_-]+){2}$`).MatchString(c["path"].(string)) || len(fmt.Sprint(c["log_excerpt"])) > mostLog {
			t.Errorf("%v", c["path"])
		}
	}
	if strings.Join(got, " ") != "PASS FAIL ERROR MISS DONE SKIP SKIP DONE" || len(ids) != len(tests) {
		t.Error(got)
	}
	// GPL, so it is not kept here: kernelci/kcidb-io has it.
	file := os.Getenv("LASTPAGE_KCIDB_SCHEMA")
	if file == "" {
		t.Skip("LASTPAGE_KCIDB_SCHEMA does not name the JSON schema of KCIDB 5.3: the report was only looked at")
	}
	schema, err := jsonschema.NewCompiler().Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Error(err)
	}
}

func null(v any, at string) string {
	switch v := v.(type) {
	case nil:
		return at
	case map[string]any:
		for k, x := range v {
			if found := null(x, at+"."+k); found != "" {
				return found
			}
		}
	case []any:
		for i, x := range v {
			if found := null(x, fmt.Sprintf("%s[%d]", at, i)); found != "" {
				return found
			}
		}
	}
	return ""
}

// Whose fault it was is kept apart in the suite of every command.
func TestSuites(t *testing.T) {
	good, bad, blind := &grade.Grade{Letter: "A", Why: "warn"}, &grade.Grade{Letter: "F", Why: "warn"}, &grade.Grade{Why: "not known"}
	row := func(name string, f compare.Fault, g ...*grade.Grade) *compare.Row {
		c := &compare.CourseRow{Fault: f, Why: "so\nit was", Graded: g, Trials: make([]string, len(g))}
		return &compare.Row{Strategy: name, Release: "7", Courses: []*compare.CourseRow{c}}
	}
	r := &compare.Run{Scenario: "warn", Rows: []*compare.Row{row("a", "", good), row("b", "", good, bad), row("c", "", blind), row("d", ""), row("e", compare.KernelsFault),
		row("f", compare.Cannot), row("g", compare.NeverArmed), row("h", compare.NoReference), {Strategy: "i"}}}
	for require, want := range map[string]string{"": "DONE DONE ERROR MISS FAIL SKIP ERROR MISS MISS", "C": "PASS FAIL ERROR MISS FAIL SKIP ERROR MISS MISS"} {
		var got []string
		for _, c := range OfRun(r, require).Cases {
			got = append(got, string(c.Status))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("required %q: %v", require, got)
		}
	}
	m := &compare.Matrix{Strategies: []compare.Column{{Name: "a"}, {Name: "b"}}, Cells: []*compare.Cell{{Strategy: "b", Scenario: "warn", Trials: []*compare.CellTrial{{Grade: bad}}},
		{Strategy: "a", Scenario: "warn", Fault: compare.NoSymbol}}}
	if c := OfMatrix(m, "").Cases; c[0].Status != Done || c[0].Kernel != 1 || c[1].Status != Skip {
		t.Errorf("%+v", c)
	}
	sw := []*compare.Sweep{{Strategy: "a", Status: harness.Finished, Points: []*compare.Point{{}}}, {Strategy: "b", Points: []*compare.Point{{}}},
		{Strategy: "c", Status: harness.Finished, Points: []*compare.Point{{}}, Voids: 1}}
	if c := OfSweep(sw).Cases; c[0].Status != Done || c[1].Status != Error || c[2].Status != Miss {
		t.Errorf("%+v", c)
	}
	g := &compare.Gate{Base: compare.Variant{Asked: "inline", Image: "a"}, Head: compare.Variant{Asked: "inline"}, Decision: &gate.Decision{Verdict: gate.Fail, Findings: []gate.Finding{{Scenario: "warn", Rule: "must", That: "warn.stored >= 1", Verdict: gate.Fail},
		{Scenario: "warn", Rule: "void trials", Verdict: gate.Unknown}, {Scenario: "warn", Rule: "can be played", Verdict: gate.Unknown}}},
		Flips: []*compare.Flip{{Scenario: "warn", That: "warn.stored >= 1", Course: 2, Moment: "share:50%", Lacks: 28}}}
	c := OfGate(g).Cases
	if c[0].Status != Fail || c[1].Status != Fail || !strings.Contains(c[1].Why, "course 2, share:50%: 28 records lack") || c[2].Status != Miss || c[3].Status != Skip {
		t.Errorf("%+v", c)
	}
	g.Decision, g.Fault = &gate.Decision{Verdict: gate.Fail, Why: "head does not build"}, "head does not build"
	var doc kcidbAll
	if err := json.Unmarshal(written(t, "kcidb", OfGate(g)), &doc); err != nil || doc.Builds[len(doc.Builds)-1].Status != Fail || doc.Builds[0].Status != Pass {
		t.Errorf("%v, %+v", err, doc.Builds)
	}
	g.Decision = nil
	if c := OfGate(g).Cases; c[0].Status != Miss {
		t.Errorf("unfinished: %+v", c)
	}
}
