// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"testing"
	"unicode/utf8"

	"lastpage/harness/compare"
	"lastpage/harness/gate"
)

// A mail has at most 20 lines of 75 columns, whatever there is to say, and every kind of line is in it.
func TestGateFitsIntoAMail(t *testing.T) {
	p, err := gate.LoadPolicy(gate.DefaultPolicy)
	if err != nil {
		t.Fatal(err)
	}
	long, n := strings.Repeat("some words of it ", 60), 7
	g := &compare.Gate{Policy: p, Board: long, Baud: 115200, CPUs: 2, Mode: long, Command: long, Base: compare.Variant{Asked: long}, Head: compare.Variant{Asked: long},
		Decision:  &gate.Decision{Verdict: gate.Unknown, Why: long, Missing: &n},
		Scenarios: []*compare.GateRun{{Scenario: long}},
		Reworded:  []*compare.Reworded{{In: compare.BaseName, Text: "old"}, {In: compare.HeadName, Text: "new " + long}, {In: compare.HeadName, Text: "newer"}}}
	for range 3 {
		g.Flips = append(g.Flips, &compare.Flip{Scenario: long, That: "warn.stored >= 1", Records: []string{long}})
	}
	var b strings.Builder
	if err := Gate(&b, g); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) > mailLines {
		t.Errorf("%d lines:\n%s", len(lines), b.String())
	}
	for _, l := range lines {
		if utf8.RuneCountInString(l) > Width {
			t.Errorf("%d columns: %s", utf8.RuneCountInString(l), l)
		}
	}
	for _, want := range []string{"CANNOT TELL: ", "  missing  7 ", "  reworded 1 record only in base, 2 only in head: new ", "  base     ", "  head     ", "  board    ", "  tried    ", "  policy   ", "  command  "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q:\n%s", want, b.String())
		}
	}
}
