// SPDX-License-Identifier: Apache-2.0

package names

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

var scenarios = []string{"warn", "panic", "nmi-panic", "warn-nmi-panic", "panic-dies-in:end:hang", "panic-dies-in:kmsg-dump:hang", "power-cut", "flood:over"}

func TestNear(t *testing.T) {
	for name, want := range map[string]string{ // the nearest, and how many there are
		"wran":            "warn 1",
		"Panic":           "panic 3",
		"warn-nmi-pnaic":  "warn-nmi-panic 2",
		"panic-dies":      "panic 3",
		"kmsg-dump":       "panic-dies-in:kmsg-dump:hang 1",
		"flood":           "flood:over 1",
		"flood:overmuch":  "flood:over 1",
		"lunch":           "",
		"":                "",
		"powercut":        "power-cut 1",
		"nmi_panic":       "nmi-panic 1",
		"warn-nmi-panic ": "warn-nmi-panic 2",
	} {
		got := ""
		if all := Near(name, scenarios); len(all) > 0 {
			got = fmt.Sprintf("%s %d", all[0], len(all))
		}
		if got != want {
			t.Errorf("near %q: %s, want %s", name, got, want)
		}
	}
}

func TestColumns(t *testing.T) {
	if got, want := Columns([]string{"a", "bb", "ccc", "d", "e"}, 2, 14), "  a    d\n  bb   e\n  ccc"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := Columns(nil, 2, 14); got != "" {
		t.Errorf("%q", got)
	}
	for line := range strings.Lines(Columns(scenarios, 4, 80)) {
		if len(strings.TrimRight(line, "\n")) > 80 {
			t.Errorf("%d letters: %q", len(line), line)
		}
	}
	if got := Columns([]string{"a-name-that-is-wider-than-all"}, 2, 10); got != "  a-name-that-is-wider-than-all" {
		t.Errorf("%q", got)
	}
}

func TestUnknown(t *testing.T) {
	err := Unknown("scenario", "wran", "", []string{"warn", "panic"})
	if got, want := err.Error(), "no scenario \"wran\"; did you mean warn?\n  known:\n    warn   panic"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var u *UnknownError
	if !errors.As(err, &u) || u.Name != "wran" {
		t.Errorf("%#v", err)
	}
}
