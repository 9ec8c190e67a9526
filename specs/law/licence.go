// SPDX-License-Identifier: Apache-2.0

package law

import (
	"path"
	"regexp"
	"strings"
)

var spdx = regexp.MustCompile(`^(?://|/\*|#|;)? ?SPDX-License-Identifier: (\S+)`)

// gpl are the folders whose C and assembly is loaded into or derived from the kernel or QEMU.
var gpl = []string{"kernels/probe", "kernels/patches", "dut/qemu/vuart/csrc", "docs/scenarios/own"}

// comment is what begins a comment in a file, or "" where no licence line is wanted.
func comment(file string) string {
	switch path.Ext(file) {
	case ".go", ".c", ".h", ".S":
		return "//"
	case ".sh":
		return "#"
	}
	if path.Base(file) == "Makefile" || file == ".ci/run" {
		return "#"
	}
	return ""
}

// licence is what a source file says in its first lines; "" if it says nothing.
func licence(text string) string {
	for i, line := range strings.SplitN(text, "\n", 5) {
		if m := spdx.FindStringSubmatch(line); m != nil && i < 4 {
			return m[1]
		}
	}
	return ""
}

// fits says whether a licence may stand in a file: the GPL's sources are in folders of their own, and all else is Apache's. A program of the
// guest or a test in such a folder, in Go, is Apache's too.
func fits(file, id string) bool {
	for _, folder := range gpl {
		if within(file, folder) && path.Ext(file) != ".go" {
			return id == "GPL-2.0-only" || id == "GPL-2.0-or-later"
		}
	}
	return id == "Apache-2.0"
}

// licensed is text with a licence line: the first one, but after the line that names an interpreter.
func licensed(file, text string) string {
	line := comment(file) + " SPDX-License-Identifier: Apache-2.0\n"
	if path.Ext(file) == ".go" {
		line += "\n" // else it would belong to the package's comment
	}
	if strings.HasPrefix(text, "#!") {
		shebang, rest, _ := strings.Cut(text, "\n")
		return shebang + "\n" + line + rest
	}
	return line + text
}
