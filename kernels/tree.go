// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lastpage/kernels/build"
)

// Strategic is the kernel that carries the strategies: its source is what a Tree takes the place of.
const Strategic = "linux-7"

// Tree is a kernel tree of the user's, with what goes on top of the catalogue's patches.
type Tree struct {
	Source  string   // a directory, a tarball, or the URL of a git repository with or without #REF; "" keeps the catalogue's
	Patches []string // paths; applied after the series
	Config  string   // path of a whole .config; "" keeps the catalogue's
}

// Set says whether anything is asked for.
func (t Tree) Set() bool { return t.Source != "" || len(t.Patches) > 0 || t.Config != "" }

// Use has the named kernel built from t, with the patch series that the catalogue gives it. Only kernels that are built can be.
func (c *Catalogue) Use(name string, t Tree) error {
	k, err := c.Kernel(name)
	if err != nil {
		return err
	}
	if k.Source.Build == nil {
		return fmt.Errorf("kernel %s is fetched, not built: a tree, patches or a configuration can be given to %s", name, strings.Join(c.built(), ", "))
	}
	b := *k.Source.Build
	if t.Source != "" {
		if b.Source, err = treeSource(t.Source); err != nil {
			return err
		}
	}
	b.Patches = append(b.Patches[:len(b.Patches):len(b.Patches)], t.Patches...)
	if t.Config != "" {
		b.Config, b.Options = t.Config, nil
	}
	s, err := b.spec()
	if err == nil {
		err = s.Check()
	}
	if err != nil {
		return err
	}
	k.Source.Build = &b
	k.Description += ", from " + b.String()
	return nil
}

func (c *Catalogue) built() []string {
	var names []string
	for _, k := range c.Kernels {
		if k.Source.Build != nil {
			names = append(names, k.Name)
		}
	}
	return names
}

// treeSource tells a directory, a tarball and a repository from each other.
func treeSource(text string) (build.Source, error) {
	var s build.Source
	info, err := os.Stat(text)
	switch {
	case err == nil && info.IsDir():
		if s.Dir, err = filepath.Abs(text); err != nil {
			return s, err
		}
	case err == nil:
		if s.Tarball, err = filepath.Abs(text); err != nil {
			return s, err
		}
	case strings.Contains(text, "://") || strings.HasSuffix(strings.SplitN(text, "#", 2)[0], ".git"):
		s.Git, s.Ref, _ = strings.Cut(text, "#")
	default:
		return s, fmt.Errorf("tree %s: neither a directory, nor a tarball, nor the URL of a git repository (URL#REF for a branch, tag or commit): %w", text, err)
	}
	return s, s.Check()
}
