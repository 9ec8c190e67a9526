// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPack(t *testing.T) {
	files := []File{{"wire.bin", []byte("[    0.000000] Linux\r\n")}, {"ring.elf", []byte("\x7fELF")}}
	b, err := Pack(Head{Of: OfCapture, Loglevel: 7}, files)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Pack(Head{Of: OfCapture, Loglevel: 7}, files)
	if err != nil || !bytes.Equal(b, again) {
		t.Errorf("equal evidence gives other bytes (%v)", err)
	}
	dir := t.TempDir()
	h, err := Unpack(bytes.NewReader(b), dir)
	if err != nil || h.Of != OfCapture || h.Loglevel != 7 {
		t.Fatalf("%+v, %v", h, err)
	}
	for _, f := range files {
		if got, err := os.ReadFile(filepath.Join(dir, f.Name)); err != nil || !bytes.Equal(got, f.Data) {
			t.Errorf("%s: %q, %v", f.Name, got, err)
		}
	}
	if _, err := Pack(Head{}, []File{{"passwd", nil}}); err == nil {
		t.Error("a file that has no place in it")
	}
}

// packed is a gzip-compressed tar of one's own.
func packed(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		data := []byte(`{"schema":"` + Schema + `","of":"trial"}`)
		if e.Typeflag == tar.TypeSymlink {
			data = nil
		}
		e.Size, e.Mode = int64(len(data)), 0o644
		if err := w.WriteHeader(&e); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Nothing is written but the files of a bundle, into the folder.
func TestUnpackHostile(t *testing.T) {
	for name, tt := range map[string]struct {
		b    []byte
		want string
	}{
		"no gzip":        {[]byte("hello"), ErrNoBundle.Error()},
		"another tar":    {packed(t, tar.Header{Name: "x"}), ErrNoBundle.Error()},
		"a way out":      {packed(t, tar.Header{Name: headName}, tar.Header{Name: "../wire.bin"}), "does not belong"},
		"another name":   {packed(t, tar.Header{Name: headName}, tar.Header{Name: "notes.txt"}), "does not belong"},
		"a symbolic one": {packed(t, tar.Header{Name: headName}, tar.Header{Name: "wire.bin", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}), "does not belong"},
	} {
		dir := t.TempDir()
		if _, err := Unpack(bytes.NewReader(tt.b), dir); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}

// What is masked keeps its length, in a line that breaks off as well, and what a grade is made by stays.
func TestMask(t *testing.T) {
	log := "Command line: root=/dev/nvme0n1p2 quiet console=ttyS0,115200 secret=geheim\n" +
		"eth0: address 52:54:00:12:ab:CD\nusb 1-1: SerialNumber: ABC0123456\nsystemd: Hostname set to <build-7.example>.\naddr 192.168.7.44\n"
	m := NewMask([]byte(log), []byte("build-7.example login:"))
	got := string(m.Bytes([]byte(log)))
	want := "Command line: xxxx=/xxx/xxxx0x0x0 quiet console=ttyS0,115200 xxxxxx=xxxxxx\n" +
		"eth0: address 00:00:00:00:xx:xx\nusb 1-1: SerialNumber: xxx0000000\nsystemd: Hostname set to <xxxxx-0.xxxxxxx>.\naddr 000.000.0.00\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if torn := string(m.Bytes([]byte("eth0: address 52:54:00:1\r\nroot=/dev/nv\n"))); torn != "eth0: address 00:00:00:0\r\nxxxx=/xxx/xx\n" {
		t.Errorf("torn: %q", torn)
	}
	doc, err := m.JSON([]byte(`{"build-7.example": "on build-7.example", "n": 12345678901234567890}`))
	if err != nil || !strings.Contains(string(doc), `"build-7.example": "on xxxxx-0.xxxxxxx"`) || !strings.Contains(string(doc), "12345678901234567890") {
		t.Errorf("%s %v", doc, err)
	}
}

func FuzzUnpack(f *testing.F) {
	b, err := Pack(Head{Of: OfTrial}, []File{{"wire.bin", []byte("x")}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		h, err := Unpack(bytes.NewReader(b), dir)
		if err == nil && h.Schema != Schema {
			t.Errorf("%+v", h)
		}
		left, _ := os.ReadDir(dir)
		if len(left) >= len(names) {
			t.Errorf("%d files", len(left))
		}
	})
}
