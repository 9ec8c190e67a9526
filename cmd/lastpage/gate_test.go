// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/gate"
	"lastpage/harness/report"
	"lastpage/kernels/build"
)

// What contradicts itself or has no effect is refused before anything is built.
func TestGateRefuses(t *testing.T) {
	patch := filepath.Join(t.TempDir(), "x.patch")
	if err := os.WriteFile(patch, []byte(oneDiff), 0o644); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte("CONFIG_PRINTK=y\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"--base inline": "exactly one of --patch, --head and --range",
		"--base inline --head deferred --patch " + patch: "exactly one of",
		"--head deferred":                                               "want --base",
		"--base inline --range a..b":                                    "want --tree DIR",
		"--base inlin --head deferred":                                  "inline",
		"--base legacy --patch " + patch:                                "fetched, not built",
		"--base inline --head deferred --policy nothing.yaml":           "built in: default, complete",
		"--base inline --head deferred --scenario warm":                 "warn",
		"--base inline --head deferred --courses 0":                     "the unit of a verdict is the course",
		"--base inline --head deferred --exit jenkins":                  "way to exit",
		"--base inline --head deferred --format junit":                  "want both or none",
		"--base inline --head deferred --format xml --report x":         "format",
		"--base inline --head deferred --resume " + t.TempDir():         "there is no gate in it",
		"--base inline --head deferred --scenario warn --scenario warn": "named twice",
		"--base legacy --head nbcon-rt --config " + config:              "none of them is built from",
	} {
		var out, errs bytes.Buffer
		words := append([]string{"gate", "--out", filepath.Join(t.TempDir(), "out")}, strings.Fields(args)...)
		if strings.Contains(args, "--resume") {
			words = append([]string{"gate"}, strings.Fields(args)...)
		}
		if code := run(t.Context(), words, &out, &errs); code != exitLabFailed || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: status %d: %s", args, code, errs.String())
		}
	}
}

// Every caller gets the status that it understands.
func TestExits(t *testing.T) {
	decided := func(v gate.Verdict, rule string) *compare.Gate {
		return &compare.Gate{Decision: &gate.Decision{Verdict: v, Why: "so", Findings: []gate.Finding{{Rule: rule}}}, Policy: &gate.Policy{}}
	}
	broken := decided(gate.Fail, "")
	broken.Fault, broken.Decision.Findings = "it does not build", nil
	for _, c := range []struct {
		g    *compare.Gate
		want map[string]int
	}{
		{decided(gate.Pass, "must"), map[string]int{"plain": 0, "b4": 0, "nipa": 0, "bisect": 0}},
		{decided(gate.Fail, "must"), map[string]int{"plain": 1, "b4": 1, "nipa": 1, "bisect": 1}},
		{decided(gate.Unknown, "must"), map[string]int{"plain": 2, "b4": 0, "nipa": 250, "bisect": 125}},
		{decided(gate.Fail, gate.ComesToEnd), map[string]int{"plain": 1, "b4": 1, "nipa": 1, "bisect": 125}},
		{decided(gate.Fail, gate.ComesToTrial), map[string]int{"plain": 1, "b4": 1, "nipa": 1, "bisect": 125}},
		{broken, map[string]int{"plain": 1, "b4": 1, "nipa": 1, "bisect": 125}},
	} {
		for mode, want := range c.want {
			cmd := newGate()
			var out bytes.Buffer
			cmd.SetOut(&out)
			f := gateFlags{exit: mode}
			code := 0
			var v *verdict
			if err := f.end(cmd, c.g, "runs/x"); errors.As(err, &v) {
				code = v.code
				if mode == "b4" && v.Error() != "" {
					t.Errorf("b4: %q would be one more failure", v)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if code != want {
				t.Errorf("%v, %s: status %d, want %d", c.g.Decision.Verdict, mode, code, want)
			}
			// b4 takes a line with ERROR: for a failure, any other for a warning, and none for a success.
			if s := out.String(); mode == "b4" && (strings.Contains(s, "ERROR:") != (c.g.Decision.Verdict == gate.Fail) || (s == "") != (c.g.Decision.Verdict == gate.Pass)) {
				t.Errorf("b4: %q", s)
			}
		}
	}
	unfit := fmt.Errorf("head: %w", &build.ApplyError{Patch: "x", Err: errors.New("no")})
	for mode, want := range map[string][2]int{"plain": {0, 0}, "nipa": {250, 250}, "bisect": {125, 128}, "b4": {3, 3}} {
		for i, err := range []error{unfit, errors.New("no QEMU")} {
			cmd := newGate()
			cmd.SetOut(io.Discard)
			f := gateFlags{exit: mode}
			var v *verdict
			if errors.As(f.status(cmd, err), &v); v == nil && want[i] != 0 || v != nil && v.code != want[i] {
				t.Errorf("%s: %v: %+v", mode, err, v)
			}
		}
	}
}

// Courses that branch from one boot are one draw of it: a course is a boot, unless something else is asked for.
func TestACourseIsABoot(t *testing.T) {
	for _, c := range []struct {
		args []string
		want harness.How
	}{
		{nil, harness.Booted},
		{[]string{"--board", "qemu-smp1"}, harness.Booted},
		{[]string{"--courses-by", "branch"}, harness.Branched},
		{[]string{"--board", "qemu-concurrent"}, harness.OwnWay},
		{[]string{"--wire", "concurrent"}, harness.OwnWay},
	} {
		var f judging
		var at target
		cmd := &cobra.Command{}
		at.flags(cmd.Flags())
		f.flags(cmd.Flags(), "gate", "gate")
		if err := cmd.ParseFlags(c.args); err != nil {
			t.Fatal(err)
		}
		b, _, err := at.openWith(cmd, f.wire)
		if err != nil {
			t.Fatal(err)
		}
		o, err := f.order(cmd, b, at.shape())
		if err != nil || o.Ensemble.How != c.want {
			t.Errorf("%v: courses by %q, %v; want %q", c.args, o.Ensemble.How, err, c.want)
		}
	}
}

// A gate fits into a mail whatever it says.
func TestGateMail(t *testing.T) {
	g := &compare.Gate{Policy: &gate.Policy{Name: "default"}, Board: "qemu", Baud: 115200, CPUs: 2, Mode: "exact+ff+snapshot",
		Command:  "lastpage gate " + strings.Repeat("--patch 0001-some-long-name-of-a-patch.patch ", 20),
		Base:     compare.Variant{Asked: "inline", Release: "7.3.4", Origin: map[string]string{"tree": strings.Repeat("~/a/tree/", 20)}},
		Head:     compare.Variant{Asked: "inline", Release: "7.3.4", Patches: strings.Fields(strings.Repeat("0001-some-long-name-of-a-patch.patch ", 9))},
		Decision: &gate.Decision{Verdict: gate.Fail, Why: strings.Repeat("it holds in fewer courses than before ", 20), Findings: []gate.Finding{{}, {Rule: "void trials", Why: "x"}}}}
	g.Ensemble = compare.Ensemble{Courses: 8, Seed: 1, How: harness.Branched}
	g.Scenarios = []*compare.GateRun{{Scenario: "s", Courses: 8}}
	for i := range 5 {
		g.Flips = append(g.Flips, &compare.Flip{Scenario: "s", That: "warn.stored >= 1", Course: i, Moment: "share:50%", Lacks: 28, Records: []string{strings.Repeat("long ", 40)}})
	}
	var b bytes.Buffer
	if err := report.Gate(&b, g); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) > 20 {
		t.Errorf("%d lines:\n%s", len(lines), b.String())
	}
	for _, l := range lines {
		if len([]rune(l)) > report.Width {
			t.Errorf("%d columns: %s", len([]rune(l)), l)
		}
	}
	if !strings.Contains(b.String(), "28 records lack: long") || !strings.Contains(strings.Join(strings.Fields(b.String()), " "), "(branch of one boot, seed 1)") || !strings.HasPrefix(b.String(), "FAIL: ") {
		t.Error(b.String())
	}
}
