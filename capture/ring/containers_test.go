// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// wholeFile gives the bytes of a file, unpacked.
func wholeFile(t testing.TB, path string) []byte {
	t.Helper()
	in, err := openInput(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	if in, err = unpack(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, in.Size())
	if _, err := in.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return b
}

// printed is the log as dmesg prints it.
func printed(t testing.TB, log *Log) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteDmesg(&b, log); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// samePrint compares what is printed, and names the first line that differs.
func samePrint(t *testing.T, got, want []byte) {
	t.Helper()
	a, b := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Errorf("line %d: we print\n%q\nwanted is\n%q", i+1, a[i], b[i])
			return
		}
	}
	if len(a) != len(b) {
		t.Errorf("%d lines, wanted are %d", len(a), len(b))
	}
}

const twoBoots = "two-boots-capture-kernel/vmcore.elf.xz"

// Dumps of real machines. What is wanted is what the guest's own /dev/kmsg had, or vmcore-dmesg of the crash's /proc/vmcore.
var containers = []struct {
	file, kernel, want, kind, note string
}{
	{"kdump-compressed-zlib/vmcore.xz", "", "expected.txt.xz", "kdump-compressed", ""},
	{"kdump-compressed-zstd/vmcore.zst", "crashed", "expected.txt.xz", "kdump-compressed", ""},
	{"flattened-kdump-zlib/vmcore.flat.gz", "", "expected.txt.xz", "flattened kdump-compressed", ""},
	{"qemu-kdump-zlib-flattened/vmcore.flat.xz", "", "expected.txt.xz", "flattened kdump-compressed", ""},
	{"raw-ram/ram.bin.zst", "", "expected.txt.xz", "raw RAM", ""},
	{"wrong-note-right-memory/vmcore.elf.xz", "", "expected.txt.xz", "ELF core", "the VMCOREINFO note is wrong"},
	{twoBoots, "", "expected-crashed-kernel.txt.xz", "ELF core", ""},
	{twoBoots, "crashed", "expected-crashed-kernel.txt.xz", "ELF core", ""},
	{twoBoots, "capture", "expected-capture-kernel.txt.xz", "ELF core", ""},
	{twoBoots, "0x1380018", "expected-crashed-kernel.txt.xz", "ELF core", ""}, // as the error of an ambiguous memory names it
}

func TestContainers(t *testing.T) {
	for _, c := range containers {
		t.Run(c.file+c.kernel, func(t *testing.T) {
			path := filepath.Join("testdata/dumps", c.file)
			log, err := Load(t.Context(), path, LoadOptions{Kernel: c.kernel})
			if err != nil {
				t.Fatal(err)
			}
			want := wholeFile(t, filepath.Join(filepath.Dir(path), c.want))
			samePrint(t, printed(t, log), want)
			if log.Witness.Kind != c.kind || log.Witness.Part || log.Witness.NoSeq || len(log.Witness.Unknown) > 0 {
				t.Errorf("witness %+v, want %s without limits", log.Witness, c.kind)
			}
			if notes := strings.Join(log.Notes, "; "); (c.note == "") != (notes == "") || !strings.Contains(notes, c.note) {
				t.Errorf("notes %q, want one with %q", notes, c.note)
			}
			// The small core that is made of it says the same.
			d, err := OpenDump(t.Context(), path, LoadOptions{Kernel: c.kernel})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = d.Close() }()
			rd, err := d.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			small := filepath.Join(t.TempDir(), "ring.elf")
			if err := rd.SaveCore(t.Context(), small); err != nil {
				t.Fatal(err)
			}
			if log, err = Load(t.Context(), small, LoadOptions{}); err != nil {
				t.Fatal(err)
			}
			samePrint(t, printed(t, log), want)
		})
	}
}

// A kernel that is not there is refused, and so is a choice where nothing tells.
func TestChoiceOfKernel(t *testing.T) {
	for _, c := range []struct{ file, kernel, want string }{
		{twoBoots, "0x4", "is the address of none"},
		{twoBoots, "old", `kernel "old": want crashed, capture`},
		{twoBoots, "0xzz", `kernel "0xzz": want crashed, capture`},
		{"kdump-compressed-zlib/vmcore.xz", "capture", "none is known as the capture kernel"},
	} {
		_, err := Load(t.Context(), filepath.Join("testdata/dumps", c.file), LoadOptions{Kernel: c.kernel})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %s: %v, want %q", c.kernel, c.file, err, c.want)
		}
	}
}

// 20 MB that claim 1 TiB are searched once.
func TestClaimsMoreThanItHas(t *testing.T) {
	d, err := OpenDump(t.Context(), "testdata/dumps/hang-20MB-claims-1TiB/vmcore.elf.xz", LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	counted := &countingReader{sized: d.closers[0].(*input)}
	c, err := NewCore(counted, counted.Size())
	if err != nil {
		t.Fatal(err)
	}
	headers := counted.n
	_, err = c.Log(context.Background())
	if err == nil || !strings.Contains(err.Error(), "the segments claim 1090519040000 bytes of memory, the file has 16777216") || !errors.Is(err, ErrNoVMCoreInfo) {
		t.Errorf("error %v", err)
	}
	if n := counted.n - headers; n > 2*counted.Size() {
		t.Errorf("%d bytes were read of a file of %d", n, counted.Size())
	}
}

// countingReader counts what is read.
type countingReader struct {
	sized
	n int64
}

func (c *countingReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.sized.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}
