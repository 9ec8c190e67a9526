// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"golang.org/x/sys/unix"
)

func gz(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A dump is read from a pipe, packed or not, and through several packings; the temporary files are gone.
func TestPipe(t *testing.T) {
	m, want := kdumpMachine(t)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	core := coreOf(t, m.open(t))
	var xzed bytes.Buffer
	w, err := xz.NewWriter(&xzed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(gz(t, core)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"core": core, "gzip": gz(t, core), "xz of gzip": xzed.Bytes(), "flattened": flatten(core, 999)} {
		path := filepath.Join(tmp, "pipe")
		if err := unix.Mkfifo(path, 0o600); err != nil {
			t.Skip(err)
		}
		go func() {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err == nil {
				_, _ = f.Write(b)
				_ = f.Close()
			}
		}()
		log, err := Load(t.Context(), path, LoadOptions{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		samePrint(t, printed(t, log), want)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if left, _ := os.ReadDir(tmp); len(left) > 0 {
			t.Errorf("%s: left over: %v", name, left)
		}
	}
}

func TestPackedFiles(t *testing.T) {
	m, _ := kdumpMachine(t)
	core := coreOf(t, m.open(t))
	packed := gz(t, core)
	layers := core
	for range maxLayers + 1 {
		layers = gz(t, layers)
	}
	for _, c := range []struct {
		name, want string
		in         []byte
	}{
		{"cut", "unpack gzip data: the file is truncated", packed[:len(packed)-9]},
		{"damaged", "unpack gzip data", append(bytes.Clone(packed[:len(packed)/2]), make([]byte, 500)...)},
		{"xz cut", "unpack xz data", []byte("\xfd7zXZ\x00\x00\x04")},
		{"xz with a dictionary of 4 GiB", "a dictionary of 4294967295 bytes", []byte("\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x28\x00\x00\x00")},
		{"zstd cut", "unpack zstd data", []byte("\x28\xb5\x2f\xfd\x04")},
		{"bzip2 cut", "unpack bzip2 data", []byte("BZh9")},
		{"lz4", "lz4 data: unpack it first", []byte("\x04\x22\x4d\x18")},
		{"too many layers", "packed more than 3 times", layers},
		{"packed nothing", "the file is empty", gz(t, nil)},
	} {
		if _, err := loaded(t, LoadOptions{}, c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	if _, err := Load(t.Context(), t.TempDir(), LoadOptions{}); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("a directory: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(t.TempDir(), "packed")
	if err := os.WriteFile(path, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(cancelled, path, LoadOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// zeroStream is a stream of zeros without an end.
type zeroStream struct{}

func (zeroStream) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// What unpacks to more than a file of its size can hold is refused, and what does not takes no room on the disk where it is zero.
func TestSpool(t *testing.T) {
	if _, err := spool(t.Context(), zeroStream{}, 100<<20); err == nil || !strings.Contains(err.Error(), "more than 104857600 bytes") {
		t.Errorf("zeros without an end: %v", err)
	}
	b := make([]byte, 64<<20)
	copy(b[50<<20:], "here")
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "zeros")
	if err := os.WriteFile(path, z.EncodeAll(b, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := openInput(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if in, err = unpack(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	st, err := in.f.Stat()
	if err != nil || st.Size() != int64(len(b)) {
		t.Fatalf("%v, %d bytes", err, st.Size())
	}
	var raw unix.Stat_t
	if err := unix.Fstat(int(in.f.Fd()), &raw); err != nil || raw.Blocks > 2048 {
		t.Errorf("%v: %d blocks on the disk for 4 bytes", err, raw.Blocks)
	}
	got := make([]byte, 4)
	if _, err := in.ReadAt(got, 50<<20); err != nil || string(got) != "here" {
		t.Errorf("%q %v", got, err)
	}
}
