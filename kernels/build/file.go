// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// replace writes a file in one step and breaks hard links.
func replace(path string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// copyFile copies content and permissions, not times. The copy is a file of its own.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(to), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Chmod(st.Mode().Perm()|0o600), out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), to)
}

// makeSame gives to the content and permissions of from, or removes it if from does not exist. It says whether it already was so.
func makeSame(from, to string) (same bool, err error) {
	want, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		err := os.Remove(to)
		if errors.Is(err, fs.ErrNotExist) {
			return true, nil
		}
		return false, err
	}
	if err != nil {
		return false, err
	}
	st, err := os.Stat(from)
	if err != nil {
		return false, err
	}
	have, err := os.ReadFile(to)
	if err == nil && bytes.Equal(have, want) {
		if old, err := os.Stat(to); err == nil && executable(old) == executable(st) {
			return true, nil
		}
	}
	return false, copyFile(from, to)
}

func executable(st fs.FileInfo) bool { return st.Mode()&0o100 != 0 }

func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

func readInt(path string) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(data)))
}
