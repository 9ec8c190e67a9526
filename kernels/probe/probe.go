// SPDX-License-Identifier: Apache-2.0

// Package probe builds the module that provokes (src/, GPL-2.0-only, part of this program) against a kernel's build tree.
package probe

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lastpage/kernels/store"
)

//go:embed src
var sources embed.FS

// File is the name of the built module.
const File = "lastpage_probe.ko"

// Build compiles the probe with the kernel build system in kdir (headers, or a built tree) and returns the path of the module
// in the store. kdirKey is a digest of everything kdir is made of, its compiler included. makeArgs are for make, such as
// "CC=gcc-14" when the tree does not say itself which compiler it wants.
func Build(ctx context.Context, kdir, kdirKey string, progress io.Writer, makeArgs ...string) (string, error) {
	files, err := fs.Glob(sources, "src/*")
	if err != nil {
		return "", err
	}
	parts := append([]string{"1", kdirKey}, makeArgs...)
	for _, f := range files {
		data, err := sources.ReadFile(f)
		if err != nil {
			return "", err
		}
		parts = append(parts, f, string(data))
	}
	dir, err := store.Do(ctx, "probe", store.Key(parts...), progress, func(ctx context.Context, tmp string) error {
		if progress != nil {
			fmt.Fprintln(progress, "building the probe module")
		}
		return compile(ctx, kdir, tmp, files, makeArgs)
	})
	if err != nil {
		return "", fmt.Errorf("build probe: %w", err)
	}
	return filepath.Join(dir, File), nil
}

func compile(ctx context.Context, kdir, tmp string, files, makeArgs []string) error {
	src := filepath.Join(tmp, "src")
	if err := os.Mkdir(src, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		data, err := sources.ReadFile(f)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(tmp, f), data, 0o644); err != nil {
			return err
		}
	}
	if err := run(ctx, tmp, append([]string{"make", "-s", "-C", kdir, "M=" + src, "modules"}, makeArgs...)...); err != nil {
		return err
	}
	ko := filepath.Join(tmp, File)
	if err := run(ctx, tmp, "strip", "--strip-debug", "-o", ko, filepath.Join(src, File)); err != nil {
		return err
	}
	return os.RemoveAll(src)
}

func run(ctx context.Context, tmp string, args ...string) error {
	cmd := store.Command(ctx, tmp, args...)
	// A make above us (make run) must not hand its flags and job server down.
	cmd.Env = append(slices.DeleteFunc(cmd.Env, func(e string) bool {
		return strings.HasPrefix(e, "MAKE") || strings.HasPrefix(e, "MFLAGS=")
	}), "LC_ALL=C")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(out.String())
		return fmt.Errorf("run %s: %w:\n%s", args[0], err, text[max(0, len(text)-4000):])
	}
	return nil
}
