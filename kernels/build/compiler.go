// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// toolchain is what turns source into machine code.
type toolchain struct {
	cc     string // as make's CC
	first  string // the compiler's first line of --version
	id     string // of compiler, assembler and linker: the first lines of --version, and the target
	ccache string // path, or "" if there is none
}

// compiler asks a compiler who it is.
func compiler(ctx context.Context, cc string) (*toolchain, error) {
	if cc == "" {
		cc = "gcc"
	}
	if strings.ContainsAny(cc, " \t'\"$;|&") {
		return nil, fmt.Errorf("compiler %q: not a program", cc)
	}
	t := &toolchain{cc: cc}
	for _, args := range [][]string{{cc, "--version"}, {cc, "-dumpmachine"}, {"as", "--version"}, {"ld", "--version"}} {
		out, err := command(ctx, "", args...).Output()
		if errors.Is(err, exec.ErrNotFound) {
			return nil, fmt.Errorf("run %s: %w\n  cure: install it (setup.sh)", args[0], err)
		}
		if err != nil {
			return nil, fmt.Errorf("run %s: %w", strings.Join(args, " "), err)
		}
		line, _, _ := strings.Cut(string(out), "\n")
		if t.first == "" {
			t.first = line
		}
		t.id += line + "\n"
	}
	t.ccache, _ = exec.LookPath("ccache")
	return t, nil
}
