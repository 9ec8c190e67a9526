// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lastpage/kernels/store"
)

const pluginName = "vuart.so"

// Symbols of QEMU stay undefined until QEMU loads the plugin. -Bsymbolic: none of QEMU's own names may stand in for ours.
var cflags = []string{"-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-fPIC", "-fvisibility=hidden", "-shared", "-Wl,-Bsymbolic"}

// Build returns the path of the plugin, compiled if it is not in the cache. It needs gcc and the C library's headers.
func Build(ctx context.Context) (string, error) {
	cc, err := store.Command(ctx, "", "gcc", "-v").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build UART model: gcc: %w (install gcc and libc6-dev)", err)
	}
	key, err := sourceKey(string(cc), strings.Join(cflags, " "))
	if err != nil {
		return "", err
	}
	dir, err := store.Do(ctx, "vuart", key, nil, func(ctx context.Context, tmp string) error {
		return compile(ctx, tmp, append([]string{"-o", pluginName}, cflags...), "", "*.c")
	})
	if err != nil {
		return "", fmt.Errorf("build UART model: %w", err)
	}
	return filepath.Join(dir, pluginName), nil
}

// sourceKey digests the C sources and whatever else decides what comes out of the compiler.
func sourceKey(more ...string) (string, error) {
	parts := more
	err := fs.WalkDir(sources, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := sources.ReadFile(p)
		parts = append(parts, p, string(b))
		return err
	})
	return store.Key(parts...), err
}

// compile puts the sources into dir and runs gcc there on stdin and on those that match patterns.
func compile(ctx context.Context, dir string, flags []string, stdin string, patterns ...string) error {
	if err := os.CopyFS(dir, sources); err != nil {
		return err
	}
	args := flags
	for _, p := range patterns {
		files, err := filepath.Glob(filepath.Join(dir, "csrc", p))
		if err != nil {
			return err
		}
		args = append(args, files...)
	}
	cmd := store.Command(ctx, dir, append([]string{"gcc"}, args...)...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("gcc: %w: %s", err, strings.TrimSpace(out.String()))
	}
	return nil
}
