// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"lastpage/kernels/store"
)

// Unpack writes the files of a package for which keep says true (nil: all) below dir. Names are as in the package, without a
// leading "./". Owners, devices and set-id bits are not kept. A symlink that is absolute in the package is rewritten to be
// relative, so that it points into dir and dir may be moved. Names that would leave dir are an error.
func Unpack(ctx context.Context, deb, dir string, keep func(name string) bool) error {
	cmd := store.Command(ctx, "", "dpkg-deb", "--fsys-tarfile", deb)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("unpack %s: %w", deb, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("unpack %s: %w", deb, err)
	}
	err = untar(pipe, dir, keep)
	if err != nil {
		cmd.Process.Kill()
	} else {
		_, err = io.Copy(io.Discard, pipe)
	}
	if werr := cmd.Wait(); err == nil && werr != nil {
		err = fmt.Errorf("%w: %s", werr, lastLines(stderr.String(), 2))
	}
	if err != nil {
		return fmt.Errorf("unpack %s: %w", deb, err)
	}
	return nil
}

// untar works through an os.Root, so that no symlink of the package leads it out of dir.
func untar(r io.Reader, dir string, keep func(string) bool) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(h.Name, "./"), "/")
		if name == "" || name == "." || keep != nil && h.Typeflag != tar.TypeDir && !keep(name) {
			continue
		}
		if !filepath.IsLocal(name) {
			return fmt.Errorf("name %q leaves the directory", h.Name)
		}
		if h.Typeflag != tar.TypeDir {
			err = write(root, tr, h, name)
		} else if keep == nil {
			err = root.MkdirAll(name, 0o755)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

func write(root *os.Root, tr *tar.Reader, h *tar.Header, name string) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeReg:
		f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, os.FileMode(h.Mode)&0o755|0o200)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, tr)
		return errors.Join(err, f.Close())
	case tar.TypeSymlink:
		to := h.Linkname
		if filepath.IsAbs(to) {
			rel, err := filepath.Rel(filepath.Dir(filepath.Join("/", name)), to)
			if err != nil {
				return err
			}
			to = rel
		}
		return root.Symlink(to, name)
	case tar.TypeLink:
		old := strings.TrimPrefix(h.Linkname, "./")
		if !filepath.IsLocal(old) {
			return fmt.Errorf("link to %q leaves the directory", h.Linkname)
		}
		return root.Link(old, name)
	}
	return fmt.Errorf("type %q in a package", h.Typeflag)
}

func checkSum(path, want string) error {
	got, err := sumOf(path)
	if err == nil && got != want {
		err = fmt.Errorf("%s has SHA-256 %s, the index says %s", filepath.Base(path), got, want)
	}
	return err
}

// sumOf is the SHA-256 of a file.
func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
