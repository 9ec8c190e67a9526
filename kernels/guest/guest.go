// SPDX-License-Identifier: Apache-2.0

// Package guest makes the programs that run on the machine under test: its init, and the stressor of its line. Their sources (./init with
// kernels/plan, ./stress with capture/pattern) are part of this program and are compiled at first use into the store, static and stripped.
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

	"lastpage/capture/pattern"
	"lastpage/kernels/plan"
	"lastpage/kernels/store"
)

//go:embed init/*.go init/*.s
var sources embed.FS

//go:embed stress/*.go
var stressor embed.FS

// Build returns the path of the compiled init.
func Build(ctx context.Context, progress io.Writer) (string, error) {
	return build(ctx, progress, "init", part{sources, "kernels/guest"}, part{plan.Source, "kernels/plan"})
}

// BuildStress returns the path of the compiled stressor.
func BuildStress(ctx context.Context, progress io.Writer) (string, error) {
	return build(ctx, progress, "stress", part{stressor, "kernels/guest"}, part{pattern.Source, "capture/pattern"})
}

// part is a folder of this program's sources.
type part struct {
	fs  embed.FS
	dir string
}

// build compiles kernels/guest/NAME.
func build(ctx context.Context, progress io.Writer, name string, of ...part) (string, error) {
	tree, err := collect(of...)
	if err != nil {
		return "", err
	}
	parts := []string{runtime.Version()}
	for _, f := range tree {
		parts = append(parts, f.name, string(f.data))
	}
	dir, err := store.Do(ctx, name, store.Key(parts...), progress, func(ctx context.Context, tmp string) error {
		return compile(ctx, tmp, name, tree)
	})
	if err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	return filepath.Join(dir, name), nil
}

type file struct {
	name string // below the root of a module
	data []byte
}

// collect lists the files of a small module that holds a program and what it imports.
func collect(of ...part) ([]file, error) {
	major, minor := goVersion()
	tree := []file{{"go.mod", fmt.Appendf(nil, "module lastpage\n\ngo %s.%s\n", major, minor)}}
	for _, from := range of {
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

func compile(ctx context.Context, tmp, name string, tree []file) error {
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
		"-o", filepath.Join(tmp, name), "./kernels/guest/"+name)
	cmd.Dir = src
	cmd.Env = append(cmd.Env, "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOAMD64=v1", "GOFLAGS=", "GOWORK=off", "GOPROXY=off")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run go build: %w: %s", err, strings.TrimSpace(out.String()))
	}
	return os.RemoveAll(src)
}
