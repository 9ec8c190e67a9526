// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"lastpage/kernels/store"
)

// tools are programs of a kbuild package that this machine's C library is too old for, and the libraries that they run with: those of
// their own release, in the same folder of the store, through their own loader. Nothing of this machine is changed.
type tools struct {
	debs     []string
	packages []Provenance
}

// libraries that the programs of kbuild are linked with (linux-kbuild's Depends; the compression of libelf is its own dependency).
var libraries = []string{"libc6", "libelf1t64", "zlib1g", "libzstd1", "libssl3t64"}

// foreignTools fetches what the programs of kbuild need, if they do not run here.
func foreignTools(ctx context.Context, kbuild, suite string, progress io.Writer) (*tools, error) {
	t := &tools{}
	release, backports := strings.CutSuffix(suite, "-backports")
	if !backports || release == "" {
		return t, nil // this machine's own release, or one that we know nothing of
	}
	runs, err := runsHere(ctx, kbuild)
	if err != nil || runs {
		return t, err
	}
	for _, name := range libraries {
		deb, prov, err := Fetch(ctx, Request{Package: name, Suite: release}, progress)
		if err != nil {
			return nil, err
		}
		t.debs, t.packages = append(t.debs, deb), append(t.packages, prov)
	}
	return t, nil
}

// runsHere starts the programs of kbuild that a module needs; the loader says on stderr which version of the C library it misses.
func runsHere(ctx context.Context, kbuild string) (bool, error) {
	dir, err := os.MkdirTemp("", "lastpage-kbuild-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	// Some are programs that choose another one by architecture: objtool, objtool.real-x86.
	needed := func(n string) bool {
		base, _, _ := strings.Cut(path.Base(n), ".real-")
		return base == "fixdep" || base == "modpost" || base == "objtool"
	}
	if err := Unpack(ctx, kbuild, dir, needed); err != nil {
		return false, err
	}
	found, err := filepath.Glob(filepath.Join(dir, "usr/lib/linux-kbuild-*/*/*/*"))
	if err != nil || len(found) == 0 {
		return false, fmt.Errorf("%s: no program of kbuild in it", kbuild)
	}
	for _, p := range found {
		cmd := store.Command(ctx, "", p)
		out, _ := cmd.CombinedOutput() // it fails in any case: it wants arguments
		if bytes.Contains(out, []byte("GLIBC_")) {
			return false, nil
		}
	}
	return true, ctx.Err()
}

// Where the libraries lie in the unpacked headers, and the loader (x86-64).
const (
	librariesAt = "usr/lib/x86_64-linux-gnu"
	loader      = "ld-linux-x86-64.so.2"
)

// wrap puts a script in the place of every program of kbuild under tmp. final is where tmp is going to be.
func (t *tools) wrap(ctx context.Context, tmp, final string) error {
	if len(t.debs) == 0 {
		return nil
	}
	for _, deb := range t.debs {
		if err := Unpack(ctx, deb, tmp, func(n string) bool { return strings.HasPrefix(n, librariesAt+"/") }); err != nil {
			return err
		}
	}
	libs := filepath.Join(final, librariesAt)
	roots, err := filepath.Glob(filepath.Join(tmp, "usr/lib/linux-kbuild-*"))
	if err != nil {
		return err
	}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			elf, err := isProgram(p)
			if err != nil || !elf {
				return err
			}
			at := filepath.Join(final, strings.TrimPrefix(p, tmp))
			if err := os.Rename(p, p+".elf"); err != nil {
				return err
			}
			script := fmt.Sprintf("#!/bin/sh\nexec '%s/%s' --library-path '%s' --argv0 '%s' '%s.elf' \"$@\"\n", libs, loader, libs, at, at)
			return os.WriteFile(p, []byte(script), 0o755)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// isProgram says whether a file is an executable ELF file.
func isProgram(p string) (bool, error) {
	st, err := os.Stat(p)
	if err != nil || st.Mode()&0o111 == 0 {
		return false, err
	}
	f, err := os.Open(p)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var magic [4]byte
	n, err := io.ReadFull(f, magic[:])
	if n < len(magic) {
		return false, nil
	}
	return string(magic[:]) == "\x7fELF", err
}

// OtherCompiler gives make the compiler that there is, if the kernel's own is not here. A compiler older than the kernel's may lack
// -fmin-function-alignment (since GCC 14): then functions are aligned by -falign-functions, as the kernel does for old compilers.
func OtherCompiler(config string) ([]string, error) {
	text, err := os.ReadFile(config)
	if err != nil {
		return nil, err
	}
	for l := range strings.Lines(string(text)) {
		v, ok := strings.CutPrefix(l, "CONFIG_CC_VERSION_TEXT=\"")
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(v, " ")
		if _, err := exec.LookPath(name); err == nil {
			return nil, nil
		}
		return []string{"CC=gcc", "CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT="}, nil
	}
	return nil, nil
}
