// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// unpacked writes the files of testdata/dumps/NAME into a folder, without their .gz, and gives that folder.
func unpacked(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	files, err := filepath.Glob(filepath.Join("testdata/dumps", name, "*.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data of %s: %v", name, err)
	}
	for _, f := range files {
		packed, err := os.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(packed)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		_ = packed.Close()
		if err := os.WriteFile(filepath.Join(dir, strings.TrimSuffix(filepath.Base(f), ".gz")), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// printsAs compares a log's dmesg with expected.txt of its folder.
func printsAs(t *testing.T, log *Log, dir string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join(dir, "expected.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := WriteDmesg(&got, log); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got.Bytes(), want) {
		return
	}
	a, b := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("line %d is %q, want %q", i+1, a[i], b[i])
		}
	}
	t.Fatalf("%d lines, want %d", len(a), len(b))
}

// Dumps of real machines (one is made from a layout): what is printed is what the guest's own /dev/kmsg, or vmcore-dmesg, had. A small core
// of them prints the same.
func TestDumpsOfOtherKernels(t *testing.T) {
	for _, name := range []string{"arm64-qemu", "riscv64-qemu-no-note", "printk_log-5.4-synthetic"} {
		t.Run(name, func(t *testing.T) {
			dir := unpacked(t, name)
			path := filepath.Join(dir, "vmcore.elf")
			log, err := Load(context.Background(), path, LoadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			printsAs(t, log, dir)
			c, err := OpenCore(path)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			rd, err := c.Open(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			small := filepath.Join(dir, "ring.elf")
			if err := rd.SaveCore(context.Background(), small); err != nil {
				t.Fatal(err)
			}
			if log, err = Load(context.Background(), small, LoadOptions{}); err != nil {
				t.Fatal(err)
			}
			printsAs(t, log, dir)
		})
	}
}

// Parts of one panic in the order of their names, which is not theirs; each alone; and as a folder.
func TestPstoreRecords(t *testing.T) {
	dir := unpacked(t, "erst-records")
	log, err := LoadParts(context.Background(), []string{dir}, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	printsAs(t, log, dir)
	if w := &log.Witness; w.Kind != "pstore" || w.Part || !w.NoReserved || !w.NoSeq || !w.NoCaller || w.NoLevel || !w.TimeUS || len(w.Unknown) < 4 {
		t.Errorf("%+v", w)
	}
	if log.Release != "6.12.117+deb12-amd64" || log.Records[0].Level != 5 || len(odd(log)) != 0 {
		t.Errorf("release %q, level %d, %v", log.Release, log.Records[0].Level, odd(log))
	}
	files, err := filepath.Glob(filepath.Join(dir, "dmesg-*"))
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	for _, order := range [][]int{{0, 1, 2}, {2, 0, 1}, {1, 2, 0, 1}} { // the last gives one twice
		var paths []string
		for _, i := range order {
			paths = append(paths, files[i])
		}
		if log, err = LoadParts(context.Background(), paths, LoadOptions{}); err != nil {
			t.Fatal(err)
		}
		printsAs(t, log, dir)
	}
	newest, err := LoadParts(context.Background(), files[:1], LoadOptions{})
	if err != nil || !newest.Witness.Part || len(newest.Records) == 0 {
		t.Errorf("the newest part alone: %v, %+v", err, newest)
	}
	holed, err := LoadParts(context.Background(), []string{files[0], files[2]}, LoadOptions{})
	if err != nil || len(holed.Notes) != 1 || !strings.Contains(holed.Notes[0], "parts 2 to 2 are missing") {
		t.Errorf("without the part in the middle: %v, %+v", err, holed)
	}

	dir = unpacked(t, "ramoops-record")
	if log, err = LoadParts(context.Background(), []string{filepath.Join(dir, "dmesg-ramoops-0")}, LoadOptions{}); err != nil {
		t.Fatal(err)
	}
	printsAs(t, log, dir)
}

// RAM as it is, of a machine whose RAM begins at 2 GiB.
func TestRawRAMElsewhere(t *testing.T) {
	dir := unpacked(t, "riscv64-qemu-no-note")
	c, err := OpenCore(filepath.Join(dir, "vmcore.elf"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	raw, err := os.Create(filepath.Join(dir, "ram.bin"))
	if err != nil {
		t.Fatal(err)
	}
	for at, end, ok := c.next(0); ok; at, end, ok = c.next(end) {
		b := make([]byte, end-at)
		if _, err := c.ReadAt(b, at); err != nil {
			t.Fatal(err)
		}
		if _, err := raw.WriteAt(b, at-2<<30); err != nil {
			t.Fatal(err)
		}
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := OpenDump(context.Background(), raw.Name(), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	log, err := d.Log(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	printsAs(t, log, dir)
	rd, err := d.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	again, err := coreLog(coreOf(t, rd))
	if err != nil {
		t.Fatal(err)
	}
	printsAs(t, again, dir)
}

// Debian's 6.12 kernels for arm64, built for 52 bits, with a log that grew into the direct map: every line that the machine's serial line had
// is in the dump, as a console sends it, and only a few records more.
func TestArm64Pages(t *testing.T) {
	for _, c := range []struct {
		name         string
		page         uint64
		levels       int
		lpa2         bool
		records, had int
	}{
		{"arm64-4k52", 4096, 5, true, 274, 274},
		{"arm64-16k", 16384, 3, false, 265, 265}, // the CPU has 47 bits with such pages
		{"arm64-16k52", 16384, 4, true, 279, 279},
	} {
		dir := unpacked(t, c.name)
		core, err := OpenCore(filepath.Join(dir, "ring.elf"))
		if err != nil {
			t.Fatal(err)
		}
		rd, err := core.Open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if w := rd.sp.walk.(*arm64); rd.sp.page != c.page || w.levels != c.levels || w.lpa2 != c.lpa2 {
			t.Errorf("%s: pages of %d, %+v", c.name, rd.sp.page, w)
		}
		if at := rd.sp.directMap(nil); at == 0 || rd.data.vaddr-at > uint64(rd.sp.size) {
			t.Errorf("%s: the log at 0x%x is not in the direct map at 0x%x", c.name, rd.data.vaddr, at)
		}
		log, err := rd.Log(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		sent := map[string]bool{}
		for i := range log.Records {
			for _, l := range bytes.SplitAfter(ConsoleText(&log.Records[i], ConsoleOpts{Time: true}), []byte{'\n'}) {
				sent[string(l)] = true
			}
		}
		console, err := os.ReadFile(filepath.Join(dir, "console.txt"))
		if err != nil {
			t.Fatal(err)
		}
		had := 0
		for _, l := range strings.SplitAfter(strings.TrimSuffix(string(console), "\n"), "\n") {
			had++
			if !sent[strings.TrimSuffix(l, "\n")+"\n"] {
				t.Errorf("%s: %q is not in the dump", c.name, l)
			}
		}
		if had != c.had || len(log.Records) != c.records {
			t.Errorf("%s: %d lines, %d records", c.name, had, len(log.Records))
		}
		_ = core.Close()
	}
}
