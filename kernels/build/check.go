// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// pack is what the kernel's own build system packs for modules that are built elsewhere.
const pack = "scripts/package/install-extmod-build"

// Check says what is wrong with s as far as that can be told from the files it names, before anything is fetched or compiled.
func (s Spec) Check() error {
	if err := s.Source.Check(); err != nil {
		return err
	}
	var err error
	switch {
	case s.Source.Dir != "":
		err = isTree(s.Source.Dir)
	case s.Source.Tarball != "":
		err = isTarball(s.Source.Tarball)
	}
	if err != nil {
		return err
	}
	if _, err := touchedBy(s.Patches); err != nil {
		return err
	}
	return s.Config.check()
}

// isTree says why dir is not a kernel tree that can be built here.
func isTree(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "Makefile")); err != nil {
		return fmt.Errorf("source %s: not a kernel tree: %w", dir, err)
	}
	if _, err := os.Stat(filepath.Join(dir, pack)); err != nil {
		return fmt.Errorf("source %s: not a kernel tree of 6.7 or later, which is what can be built here: %w", dir, err)
	}
	return nil
}

// magics are the first bytes of what tar reads, and where they stand.
var magics = []struct {
	at   int64
	text string
}{{0, "\x1f\x8b"}, {0, "BZh"}, {0, "\xfd7zXZ"}, {0, "\x28\xb5\x2f\xfd"}, {257, "ustar"}}

// isTarball says why the file is not one.
func isTarball(file string) error {
	if !tarball(file) {
		return fmt.Errorf("source %s: want a directory, or a name that ends in .tar, .tar.gz, .tar.bz2, .tar.xz or .tar.zst", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	defer f.Close()
	for _, m := range magics {
		got := make([]byte, len(m.text))
		if _, err := f.ReadAt(got, m.at); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("source: %w", err)
		}
		if bytes.Equal(got, []byte(m.text)) {
			return nil
		}
	}
	return fmt.Errorf("source %s: not a tarball: it begins like none", file)
}
