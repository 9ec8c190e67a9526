// SPDX-License-Identifier: Apache-2.0

// Package bundle packs the evidence of one grade into one small file, for a mail or a bug report: the wire, the ringbuffer, and what else the
// grade was made of. Whoever unpacks it gets the same grade.
//
// The form is a gzip-compressed tar. It names no user, no host and no time, so that equal evidence gives equal bytes.
package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"lastpage/harness/grade"
)

// Schema names the form of a Head.
const Schema = "lastpage.bundle/1"

// MaxSize is how large a bundle may be, bytes: what mailing lists and trackers take.
const MaxSize = 2 << 20

// maxUnpacked bounds what a bundle may unpack to, bytes.
const maxUnpacked = 256 << 20

// headName is the first file of a bundle.
const headName = "bundle.json"

// Head says what a bundle holds.
type Head struct {
	Schema string `json:"schema"`
	Made   string `json:"made_by"`
	Of     string `json:"of"` // "trial" or "capture"
	// What a capture was graded with beside its files.
	Loglevel int                    `json:"loglevel,omitempty"` // 0: found out
	RunID    string                 `json:"run_id,omitempty"`
	Expected map[string]grade.Count `json:"expected,omitempty"`
	Stripped []string               `json:"stripped,omitempty"` // kinds of words that were masked
}

// Kinds of bundles.
const (
	OfTrial   = "trial"
	OfCapture = "capture"
)

// File is one file of a bundle. Names are those of a trial's folder.
type File struct {
	Name string
	Data []byte
}

// names are the files that a bundle may hold.
var names = []string{headName, "trial.json", "wire.bin", "wire.idx", "ring.elf", "ring.json"}

// Pack makes a bundle. One that is too large is an error that names what is large.
func Pack(h Head, files []File) ([]byte, error) {
	h.Schema = Schema
	head, err := json.MarshalIndent(h, "", " ")
	if err != nil {
		return nil, fmt.Errorf("pack bundle: %w", err)
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("pack bundle: %w", err)
	}
	t := tar.NewWriter(z)
	largest := File{}
	for _, f := range append([]File{{headName, append(head, '\n')}}, files...) {
		if !slices.Contains(names, f.Name) {
			return nil, fmt.Errorf("pack bundle: it has no place for %s", f.Name)
		}
		if len(f.Data) > len(largest.Data) {
			largest = f
		}
		err := t.WriteHeader(&tar.Header{Name: f.Name, Mode: 0o644, Size: int64(len(f.Data)), Format: tar.FormatUSTAR})
		if err == nil {
			_, err = t.Write(f.Data)
		}
		if err != nil {
			return nil, fmt.Errorf("pack bundle: %s: %w", f.Name, err)
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return nil, fmt.Errorf("pack bundle: %w", err)
	}
	if b.Len() > MaxSize {
		return nil, fmt.Errorf("the bundle would have %d bytes, %d at most are sensible in a mail; its largest file is %s with %d bytes: cut the capture to the boot in question",
			b.Len(), MaxSize, largest.Name, len(largest.Data))
	}
	return b.Bytes(), nil
}

// ErrNoBundle: the file is something else.
var ErrNoBundle = errors.New("not a bundle of lastpage")

// Unpack writes the files of a bundle to dir. What is no bundle is ErrNoBundle; names, sizes and kinds of entries are checked.
func Unpack(r io.Reader, dir string) (*Head, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, ErrNoBundle
	}
	t := tar.NewReader(io.LimitReader(z, maxUnpacked))
	var h *Head
	for {
		e, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if h == nil {
				return nil, ErrNoBundle
			}
			return nil, fmt.Errorf("unpack bundle: %w (larger than %d bytes, or cut)", err, maxUnpacked)
		}
		if h == nil && e.Name != headName {
			return nil, ErrNoBundle
		}
		if e.Typeflag != tar.TypeReg || !slices.Contains(names, e.Name) {
			return nil, fmt.Errorf("unpack bundle: entry %.60q does not belong into one", e.Name)
		}
		data, err := io.ReadAll(t)
		if err != nil {
			return nil, fmt.Errorf("unpack bundle: %s: %w", e.Name, err)
		}
		if h == nil {
			h = new(Head)
			if err := json.Unmarshal(data, h); err != nil {
				return nil, fmt.Errorf("unpack bundle: %s: %w", headName, err)
			}
			if h.Schema != Schema {
				return nil, fmt.Errorf("unpack bundle: schema %q, this program reads %q", h.Schema, Schema)
			}
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, e.Name), data, 0o644); err != nil {
			return nil, fmt.Errorf("unpack bundle: %w", err)
		}
	}
	if h == nil {
		return nil, ErrNoBundle
	}
	return h, nil
}
