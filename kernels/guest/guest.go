// SPDX-License-Identifier: Apache-2.0

// Package guest makes the init of the machine under test: the sources of ./init and kernels/plan are part of this program and
// are compiled at first use into the store, static and stripped.
package guest

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"lastpage/kernels/plan"
	"lastpage/kernels/store"
)

//go:embed init/*.go init/*.s
var sources embed.FS

// Build returns the path of the compiled init.
func Build(ctx context.Context, progress io.Writer) (string, error) {
	tree, err := collect()
	if err != nil {
		return "", err
	}
	parts := []string{runtime.Version()}
	for _, f := range tree {
		parts = append(parts, f.name, string(f.data))
	}
	dir, err := store.Do(ctx, "init", store.Key(parts...), progress, func(ctx context.Context, tmp string) error {
		return compile(ctx, tmp, tree)
	})
	if err != nil {
		return "", fmt.Errorf("build init: %w", err)
	}
	return filepath.Join(dir, "init"), nil
}

type file struct {
	name string // below the root of a module
	data []byte
}

// collect lists the files of a small module that holds the init and what it imports.
func collect() ([]file, error) {
	major, minor := goVersion()
	tree := []file{{"go.mod", fmt.Appendf(nil, "module lastpage\n\ngo %s.%s\n", major, minor)}}
	for _, from := range []struct {
		fs  embed.FS
		dir string
	}{{sources, "kernels/guest"}, {plan.Source, "kernels/plan"}} {
		err := fs.WalkDir(from.fs, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(p, "_test.go") {
				return err
			}
			data, err := from.fs.ReadFile(p)
			tree = append(tree, file{filepath.Join(from.dir, p), data})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return tree, nil
}

// goVersion is that of the toolchain this program was compiled with: "go1.26.8" is 1 and 26.
func goVersion() (major, minor string) {
	f := strings.SplitN(strings.TrimPrefix(runtime.Version(), "go"), ".", 3)
	if len(f) < 2 {
		return "1", "26"
	}
	return f[0], f[1]
}

func compile(ctx context.Context, tmp string, tree []file) error {
	src := filepath.Join(tmp, "src")
	for _, f := range tree {
		path := filepath.Join(src, f.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.data, 0o644); err != nil {
			return err
		}
	}
	cmd := store.Command(ctx, tmp, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=",
		"-o", filepath.Join(tmp, "init"), "./kernels/guest/init")
	cmd.Dir = src
	cmd.Env = append(cmd.Env, "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOAMD64=v1", "GOFLAGS=", "GOWORK=off", "GOPROXY=off")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run go build: %w: %s", err, strings.TrimSpace(out.String()))
	}
	return os.RemoveAll(src)
}
