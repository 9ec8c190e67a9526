// SPDX-License-Identifier: Apache-2.0

package law

import (
	"flag"
	"testing"
)

var update = flag.Bool("update", false, "write what is missing: licence lines, and breaks into long lines of prose")

// Every source file says its licence. With -update those of ours that do not get the line; a licence of others is never written by a program.
func TestLicence(t *testing.T) {
	seen := map[string]int{}
	for _, f := range files(t) {
		if comment(f) == "" {
			continue
		}
		text := read(t, f)
		id := licence(text)
		if id == "" && *update && fits(f, "Apache-2.0") {
			text = licensed(f, text)
			id = licence(text)
			write(t, f, text)
		}
		switch {
		case id == "":
			t.Errorf("%s: no SPDX-License-Identifier in its first lines: go test ./specs/law -run Licence -update", f)
		case !fits(f, id):
			t.Errorf("%s: %s does not belong there", f, id)
		}
		seen[id]++
	}
	if seen["Apache-2.0"] < 50 || seen["GPL-2.0-only"] == 0 || seen["GPL-2.0-or-later"] == 0 {
		t.Errorf("licences found: %v: is the tree another?", seen)
	}
}

func TestLicenceLine(t *testing.T) {
	for _, c := range []struct{ file, text, want string }{
		{"a.go", "// Package a is.\npackage a\n", "// SPDX-License-Identifier: Apache-2.0\n\n// Package a is.\npackage a\n"},
		{"a.sh", "#!/bin/sh\nset -e\n", "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\nset -e\n"},
		{"x/Makefile", "all:\n", "# SPDX-License-Identifier: Apache-2.0\nall:\n"},
	} {
		if licence(c.text) != "" {
			t.Errorf("%s has a licence", c.file)
		}
		got := licensed(c.file, c.text)
		if got != c.want || licence(got) != "Apache-2.0" {
			t.Errorf("%s becomes %q, want %q", c.file, got, c.want)
		}
	}
	for _, c := range []struct {
		file, id string
		want     bool
	}{
		{"harness/trial.go", "Apache-2.0", true},
		{"harness/trial.go", "GPL-2.0-only", false},
		{"kernels/probe/lastpage.c", "GPL-2.0-only", true},
		{"kernels/probe/lastpage.c", "Apache-2.0", false},
		{"kernels/probe/probe.go", "Apache-2.0", true},
		{"dut/qemu/vuart/csrc/uart.h", "GPL-2.0-or-later", true},
	} {
		if got := fits(c.file, c.id); got != c.want {
			t.Errorf("%s under %s: %v", c.file, c.id, got)
		}
	}
}
