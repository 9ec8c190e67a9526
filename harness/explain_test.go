// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"lastpage/dut"
	"lastpage/harness/grade"
)

// The claims are the headings of the findings, word for word.
func TestClaimsAreTheFindings(t *testing.T) {
	text, err := os.ReadFile("../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	var headings []string
	for _, m := range regexp.MustCompile(`(?m)^## \d+\. (.*)$`).FindAllSubmatch(text, -1) {
		headings = append(headings, string(m[1]))
	}
	if !slices.Equal(headings, Claims) {
		t.Errorf("the findings have %q", headings)
	}
	if Claim(0).String() != "" || Claim(len(Claims)+1).String() != "" {
		t.Error("a claim that there is not has a heading")
	}
}

// A WARN that an NMI interrupted: what was never stored is named by the reference, and nothing else is lost.
func TestExplainWhatWasNeverStored(t *testing.T) {
	dir := t.TempDir()
	ref, trial, err := try(t, &scripted{inline: true}, series(t, "warn-nmi-panic", "share:50%"), dir)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Explain(t.Context(), trial.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Losses) != 1 {
		t.Fatalf("%d losses: %+v", len(e.Losses), e)
	}
	l := e.Losses[0]
	if l.Section != grade.Warn || l.Class != NotStored || l.Records != 4 || l.Stored.Records != 1 || l.Claim != claimStoreFirst {
		t.Errorf("%+v", l)
	}
	if l.Before == "" || l.First == "" || l.Last == "" || l.First == l.Before || l.First == l.Last {
		t.Errorf("after %q the reference has %q to %q", l.Before, l.First, l.Last)
	}
	if e.Interrupt == nil || e.Interrupt.Do != string(dut.NMI) || e.Interrupt.Bytes < 1 || e.AtProvoke == nil {
		t.Errorf("the interruption: %+v, pending %+v", e.Interrupt, e.AtProvoke)
	}
	whole, err := Explain(t.Context(), ref.Dir())
	if err != nil || len(whole.Losses) != 0 || whole.Interrupt != nil {
		t.Errorf("the reference lost nothing: %+v, %v", whole, err)
	}
	// Without the reference's folder the number is known, and the names are not.
	if err := os.RemoveAll(ref.Dir()); err != nil {
		t.Fatal(err)
	}
	if e, err = Explain(t.Context(), trial.Dir()); err != nil || len(e.Losses) != 1 || e.Losses[0].Records != 4 || e.Losses[0].First != "" {
		t.Errorf("without a reference: %+v, %v", e, err)
	}
}
