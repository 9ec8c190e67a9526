// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lastpage/dut"
	"lastpage/harness"
	"lastpage/kernels/plan"
)

// write makes a scenario's file, and others beside it.
func write(t *testing.T, text string, beside map[string]string) string {
	t.Helper()
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	dir := t.TempDir()
	for name, data := range beside {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "mine.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every built-in scenario can be written as a file, and is the same when it is read.
func TestBuiltinScenariosAsFiles(t *testing.T) {
	for _, want := range harness.Scenarios() {
		text, err := Write(&want)
		if err != nil {
			t.Fatalf("%s: %v", want.Name, err)
		}
		got, err := Load(t.Context(), write(t, string(text), nil), nil)
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		if len(got.Digest) != 64 {
			t.Errorf("%s: digest %q", want.Name, got.Digest)
		}
		got.Digest = ""
		if d := cmp.Diff(want, *got); d != "" {
			t.Errorf("%s: %s\n%s", want.Name, d, text)
		}
	}
}

const own = `name: mine
about: everything at once
cpus: 2
cmdline: quiet
survives: true
guest:
  script: echo hello
  args: [one]
  open-console: true
interrupt: {do: break+c, at: ["byte:10", "pattern:cut here"]}
steps:
  - {name: first, at: "time:2ms", do: note}
  - {name: off, after: first, at: "symbol:vpanic,2", do: power}
expect: [warn]
over: {after: 30s, pattern: the end}
`

func TestLoad(t *testing.T) {
	if _, err := exec.LookPath("busybox"); err != nil {
		t.Skip("no busybox, which is the built-in shell")
	}
	s, err := Load(t.Context(), write(t, own, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := harness.Scenario{Name: "mine", About: "everything at once", CPUs: 2, Cmdline: "quiet", Survives: true, OpenConsole: true, Interrupted: true,
		Do: dut.Send, Break: true, Keys: "c", Injects: []string{"byte:10", "pattern:cut here"}, Provoke: plan.ProvokeNone, Expect: []string{"warn"},
		Limit: 30 * time.Second, Ends: "the end",
		Run: &plan.Run{Argv: []string{"/bin/busybox", "sh", "/lastpage/own/script", "one"}, Applets: true},
		Steps: []harness.Step{{Name: "first", At: harness.Inject{At: "time", Time: 2 * time.Millisecond}, Do: dut.Note},
			{Name: "off", After: "first", At: harness.Inject{At: "symbol", Text: "vpanic", N: 2}, Do: dut.PowerCut}}}
	files := s.Files
	s.Files, s.Digest = nil, ""
	if d := cmp.Diff(want, *s); d != "" {
		t.Error(d)
	}
	if len(files) != 2 || files[1].Guest != "/lastpage/own/script" || files[0].Guest != "/bin/busybox" {
		t.Fatalf("files %+v", files)
	}
	if text, err := os.ReadFile(files[1].From); err != nil || string(text) != "echo hello" {
		t.Errorf("the script: %q, %v", text, err)
	}
}

// Without the probe there is no backlog, whatever its size was to be.
func TestNoProbe(t *testing.T) {
	s, err := Load(t.Context(), write(t, "name: a\nguest: {program: a.c, probe: false, any-cpu: true}\n", map[string]string{"a.c": "int main(void) { return 0; }\n"}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !s.NoProbe || !s.Run.AnyCPU {
		t.Errorf("%+v", s)
	}
	o := harness.Series{Scenario: *s, Shape: &harness.Shape{Backlog: 600, RecordLen: 80}}
	order, err := o.Order(&harness.Subject{CPUs: 2}, harness.Try{})
	if err != nil || !order.Plan.NoProbe || order.Plan.Backlog != 0 || order.Triggers[0].N != 1 {
		t.Errorf("%+v, %v", order, err)
	}
}

// C source becomes a static program, under its content: another text is another file, the same one is not compiled again.
func TestProgramFromSource(t *testing.T) {
	text := "name: c\nguest: {program: repro.c, args: [a b]}\n"
	path := write(t, text, map[string]string{"repro.c": "#include <pthread.h>\nint main(void) { return 3; }\n"})
	s, err := Load(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"/lastpage/own/repro", "a b"}, s.Run.Argv); d != "" {
		t.Error(d)
	}
	var exit *exec.ExitError
	if err := exec.Command(s.Files[0].From).Run(); err == nil {
		t.Error("it does not run here")
	} else if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("it ends with %v", err)
	}
	again, err := Load(t.Context(), path, nil)
	if err != nil || again.Files[0].From != s.Files[0].From {
		t.Errorf("again: %+v, %v", again, err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "repro.c"), []byte("int main(void) { return 4; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if other, err := Load(t.Context(), path, nil); err != nil || other.Files[0].From == s.Files[0].From {
		t.Errorf("another source: %+v, %v", other, err)
	}
}

// What is wrong is said with the place, the thing, and what there is.
func TestRefusals(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"not yaml", "name: [", "mine.yaml"},
		{"unknown key", "name: a\nguest: {provok: warn}\n", `[2:9] unknown field "provok"`},
		{"no name", "guest: {provoke: warn}\n", `name ""`},
		{"nothing provokes", "name: a\nguest: {}\n", "want provoke"},
		{"unknown provocation", "name: a\nguest: {provoke: fire}\n", `provoke "fire"`},
		{"two things", "name: a\nguest: {script: x, module: y.ko}\n", "want one of them"},
		{"a thing and a provocation", "name: a\nguest: {script: x, provoke: warn}\n", "script beside provoke warn"},
		{"args of nothing", "name: a\nguest: {provoke: warn, args: [x]}\n", "there is none"},
		{"a CPU that the machine need not have", "name: a\nguest: {provoke: warn, cpu: 1}\n", "cpus: 2 or more"},
		{"a CPU, and any", "name: a\ncpus: 2\nguest: {script: x, cpu: 1, any-cpu: true}\n", "has no effect"},
		{"a provocation without the probe", "name: a\nguest: {provoke: warn, probe: false}\n", "there is none"},
		{"a flood without the probe", "name: a\nguest: {script: x, probe: false, flood: 1ms}\n", "no_probe"},
		{"args of a module", "name: a\nguest: {module: x.ko, args: [x]}\n", "a module has params"},
		{"program is missing", "name: a\nguest: {program: nowhere}\n", "no such file"},
		{"program is text", "name: a\nguest: {program: text}\n", "want a static program"},
		{"program is dynamic", "name: a\nguest: {program: /usr/bin/env}\n", "link it with -static"},
		{"source that is wrong", "name: a\nguest: {program: bad.c}\n", "run gcc -static"},
		{"module is text", "name: a\nguest: {module: text}\n", "want a module (.ko)"},
		{"module is a program", "name: a\nguest: {module: /usr/bin/env}\n", "built with the kernel's own build system"},
		{"moment", "name: a\nguest: {provoke: warn}\ninterrupt: {at: [noon]}\n", `inject "noon"`},
		{"action", "name: a\nguest: {provoke: warn}\ninterrupt: {do: kick}\n", `do "kick"`},
		{"step without action", "name: a\nguest: {provoke: warn}\nsteps: [{name: x, at: \"byte:1\"}]\n", `do ""`},
		{"step after nothing", "name: a\nguest: {provoke: warn}\nsteps: [{name: x, at: \"byte:1\", do: nmi, after: y}]\n", `after "y"`},
		{"step with a trial's name", "name: a\nguest: {provoke: warn}\nsteps: [{name: inject, at: \"byte:1\", do: nmi}]\n", `name "inject"`},
		{"section", "name: a\nguest: {provoke: warn}\nexpect: [fire]\n", `expect "fire"`},
		{"time", "name: a\nguest: {provoke: warn}\nover: {after: soon}\n", `"soon"`},
		{"time without unit", "name: a\nguest: {provoke: warn}\nover: {after: 20}\n", `"20"`},
		{"key without survival", "name: a\nguest: {provoke: panic}\nkey: R\n", `key "R"`},
		{"death without manner", "name: a\nguest: {provoke: panic, die: {at: end}}\n", "die_how"},
		{"measure", "name: a\nguest: {provoke: panic}\nmeasures: luck\n", `measures "luck"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(t.Context(), write(t, c.text, map[string]string{"text": "x", "bad.c": "int main( {"}), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "mine.yaml") {
				t.Errorf("error %v, want it to name the file and %q", err, c.want)
			}
		})
	}
}

// The examples of the manual are read; the one with a module wants that built first.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../docs/scenarios/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	for _, f := range files {
		s, err := Load(t.Context(), f, nil)
		switch {
		case filepath.Base(f) == "own-module.yaml" && err != nil && strings.Contains(err.Error(), "own/own.ko: no such file"):
		case err != nil:
			t.Error(err)
		case s.Name+".yaml" != filepath.Base(f) || s.About == "":
			t.Errorf("%s: named %q, about %q", f, s.Name, s.About)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(own))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := parse(data)
		if err != nil {
			return
		}
		if s, err := x.scenario(); err == nil && s.Name == "" {
			t.Error("a scenario without a name was accepted")
		}
	})
}
