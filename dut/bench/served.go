// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// served are the files of a trial in the folder of a server from which its board fetches them.
type served struct {
	files []string // that remove removes
}

// servedFile is one of them.
type servedFile struct {
	name string
	size int64
	sum  string // SHA-256, hexadecimal
}

type servedFiles struct {
	kernel, initrd servedFile
	line           servedFile // holds cmdline, where a board wants it as a file
	cmdline        string
}

// nameBytes of a file's digest are in its name.
const nameBytes = 6

// put puts the payload into folder: the files get names of their board and content, so that none is taken for another. What a trial of this
// board left that was killed is removed.
func (s *served) put(folder string, p *Payload) (*servedFiles, error) {
	left, err := filepath.Glob(filepath.Join(folder, "lastpage-"+p.Board+"-"+strings.Repeat("[0-9a-f]", 2*nameBytes)))
	if err != nil {
		return nil, err
	}
	s.files = append(s.files, left...)
	if err := s.remove(); err != nil {
		return nil, fmt.Errorf("the server's folder: %w", err)
	}
	kernel, err := os.ReadFile(p.Kernel)
	if err != nil {
		return nil, err
	}
	f := &servedFiles{cmdline: p.Cmdline}
	if f.kernel, err = s.file(folder, p.Board, kernel); err == nil {
		f.initrd, err = s.file(folder, p.Board, p.Initrd)
	}
	return f, err
}

func (s *served) file(folder, board string, data []byte) (servedFile, error) {
	sum := sha256.Sum256(data)
	name := "lastpage-" + board + "-" + hex.EncodeToString(sum[:nameBytes])
	path := filepath.Join(folder, name)
	// The server may run as somebody else.
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return servedFile{}, fmt.Errorf("the server's folder: %w", err)
	}
	s.files = append(s.files, path)
	return servedFile{name, int64(len(data)), hex.EncodeToString(sum[:])}, nil
}

// remove removes what it put there.
func (s *served) remove() error {
	var all error
	for _, f := range s.files {
		if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	s.files = nil
	return all
}
