// SPDX-License-Identifier: Apache-2.0

package results

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// slug is what Patchwork's API takes for a context.
var slug = regexp.MustCompile(`^[-a-zA-Z0-9_]+$`)

// A check has the state of the worst case; what is the lab's fault or not known is a warning.
func TestPatchwork(t *testing.T) {
	of := func(all ...Status) *Suite {
		s := &Suite{Name: "gate"}
		for _, st := range all {
			s.Cases = append(s.Cases, Case{Group: "warn", Name: "rule", Status: st, Why: string(st) + strings.Repeat(" ünïcode", 60)})
		}
		return s
	}
	for _, c := range []struct {
		s     *Suite
		state string
		text  string
	}{
		{of(Pass, Done, Skip), "success", "warn: rule: PASS"},
		{of(Pass, Error), "warning", "warn: rule: ERROR"},
		{of(Miss, Pass), "warning", "warn: rule: MISS"},
		{of(Pass, Miss, Fail, Error), "fail", "warn: rule: FAIL"},
		{of(Skip), "warning", "nothing was tried: warn: rule: SKIP"},
		{of(), "warning", "nothing was tried"},
	} {
		var got map[string]string
		if err := json.Unmarshal(written(t, "patchwork", c.s), &got); err != nil {
			t.Fatal(err)
		}
		if got["state"] != c.state || !strings.HasPrefix(got["description"], c.text) || !slug.MatchString(got["context"]) || len(got) != 3 {
			t.Errorf("%+v: %v", c.s.Cases, got)
		}
		if n := utf8.RuneCountInString(got["description"]); n > mostDescription {
			t.Errorf("%d characters", n)
		}
	}
}
