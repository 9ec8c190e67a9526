// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// QEMU's storage of ERST after a panic of Debian's 6.12: two compressed records. The machine's serial line shows at loglevel 4 some of what
// they hold, and one line that came after them.
func TestERSTStorage(t *testing.T) {
	dir := unpacked(t, "erst-storage")
	path := filepath.Join(dir, "erst.bin")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	log, ok, err := fromText(b)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	if len(log.Records) != 356 || log.Release != "6.12.117+deb12-cloud-amd64" || log.Witness.Part || len(odd(log)) > 0 {
		t.Errorf("%d records of %q, %+v, %v", len(log.Records), log.Release, log.Witness, odd(log))
	}
	printed := map[string]bool{}
	for i := range log.Records {
		printed[string(ConsoleText(&log.Records[i], ConsoleOpts{Time: true}))] = true
	}
	console, err := os.ReadFile(filepath.Join(dir, "console.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var missing []string
	for _, l := range bytes.SplitAfter(console, []byte{'\n'}) {
		if len(l) > 0 && !printed[string(l)] {
			missing = append(missing, string(l))
		}
	}
	if len(missing) != 1 || !strings.Contains(missing[0], "Rebooting in 1 seconds") {
		t.Errorf("on the serial line only: %q", missing)
	}

	// The same records as files that a kernel without that algorithm shows.
	var paths []string
	for i, at := range []int{2 * 8192, 8192} {
		p := filepath.Join(dir, fmt.Sprintf("dmesg-erst-%d.enc.z", i))
		if err := os.WriteFile(p, b[at+cperData:min(len(b), at+8192)], 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	files, err := LoadParts(context.Background(), paths, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	sameRecords(t, files.Records, log.Records)
	if one, err := Load(context.Background(), paths[0], LoadOptions{}); err != nil || len(one.Records) == 0 {
		t.Errorf("one of them: %v", err)
	}
}

// at is a part with lines from..to-1, of which line i has the time i and the text "line i".
func at(head string, from, to int) string {
	var b strings.Builder
	fmt.Fprintln(&b, head)
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "<6>[%5d.000000] line %d\n", i, i)
	}
	return b.String()
}

func saved(t *testing.T, parts ...string) []string {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for i, p := range parts {
		path := filepath.Join(dir, fmt.Sprintf("dmesg-test-%d", i))
		if err := os.WriteFile(path, []byte(p), 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func TestPstoreParts(t *testing.T) {
	packed := func(open func(io.Writer) io.WriteCloser, s string) string {
		var b bytes.Buffer
		w := open(&b)
		if _, err := io.WriteString(w, s); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	raw := func(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, 9); return f }
	framed := func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }
	for _, c := range []struct {
		name     string
		parts    []string
		from, to int
		problem  string
	}{
		{"any order", []string{at("Panic#1 Part1", 20, 30), at("Panic#1 Part3", 0, 10), at("Panic#1 Part2", 10, 20)}, 0, 30, ""},
		{"one file with all", []string{at("Panic#1 Part1", 20, 30) + at("Panic#1 Part2", 10, 20)}, 10, 30, ""},
		{"ten parts and more", []string{at("Panic#1 Part10", 0, 5), at("Panic#1 Part9", 5, 6), at("Panic#1 Part2", 12, 13), at("Panic#1 Part1", 13, 14), at("Panic#1 Part3", 11, 12),
			at("Panic#1 Part4", 10, 11), at("Panic#1 Part5", 9, 10), at("Panic#1 Part6", 8, 9), at("Panic#1 Part7", 7, 8), at("Panic#1 Part8", 6, 7)}, 0, 14, ""},
		{"an oops, then a panic", []string{at("Panic#2 Part1", 15, 30), at("Oops#1 Part1", 10, 20), at("Oops#1 Part2", 0, 10)}, 0, 30, ""},
		{"an oops that the panic's log holds", []string{at("Panic#2 Part1", 10, 30), at("Oops#1 Part1", 10, 20)}, 10, 30, ""},
		{"an oops long before", []string{at("Oops#1 Part1", 0, 10), at("Panic#2 Part1", 10, 30)}, 0, 30, "may be missing"},
		{"ECC", []string{at("Panic#1 Part1", 0, 9) + "\n3 Corrected bytes, 0 unrecoverable blocks\n"}, 0, 9, ""},
		{"ECC without an error", []string{at("Panic#1 Part1", 0, 9) + "\nNo errors detected\n"}, 0, 9, ""},
		{"ECC of 6.12", []string{at("Panic#1 Part1", 0, 9) + "\nECC: 3 Corrected bytes, 0 unrecoverable blocks\n"}, 0, 9, ""},
		{"ECC of 6.12 without an error", []string{at("Panic#1 Part1", 0, 9) + "\nECC: No errors detected\n"}, 0, 9, ""},
		{"ECC of 6.12 that did not suffice", []string{at("Panic#1 Part1", 0, 9) + "\nECC: 3 Corrected bytes, 2 unrecoverable blocks\n"}, 0, 9, "may be wrong"},
		{"ECC that did not suffice", []string{at("Panic#1 Part1", 0, 9) + "\n3 Corrected bytes, 2 unrecoverable blocks\n"}, 0, 9, "may be wrong"},
		{"compressed", []string{packed(raw, at("Panic#1 Part1", 3, 9)), packed(framed, at("Panic#1 Part2", 0, 3)) + "\x00\x00\x00"}, 0, 9, ""},
		{"as ramoops has it in memory", []string{"====1795660000.123456-D\n" + at("Panic#1 Part1", 0, 9)}, 0, 9, ""},
		{"as ramoops has it in memory, compressed", []string{"====1795660000.123456-C\n" + packed(raw, at("Panic#1 Part1", 0, 9))}, 0, 9, ""},
		{"EFI variables", []string{"\x07\x00\x00\x00" + packed(raw, at("Panic#1 Part1", 3, 9)), "\x07\x00\x00\x00" + at("Panic#1 Part2", 0, 3)}, 0, 9, ""},
		{"an EFI variable", []string{"\x07\x00\x00\x00" + packed(raw, at("Panic#1 Part1", 0, 9))}, 0, 9, ""},
		{"without the newest", []string{at("Panic#1 Part2", 0, 9)}, 0, 9, "the end of the log is missing"},
		{"cut in front", []string{strings.Replace(at("Panic#1 Part1", 0, 9), "\n", "\nrest of a line\n", 1)}, 0, 9, "1 lines before"},
		{"CR LF", []string{strings.ReplaceAll(at("Panic#1 Part1", 0, 9), "\n", "\r\n")}, 0, 9, ""},
	} {
		log, err := LoadParts(context.Background(), saved(t, c.parts...), LoadOptions{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var want []Record
		for i := c.from; i < c.to; i++ {
			text := fmt.Appendf(nil, "line %d", i)
			want = append(want, Record{Seq: uint64(i - c.from), TsNsec: uint64(i) * 1e9, Level: 6, State: Finalized, Text: text, TextLen: len(text)})
		}
		sameRecords(t, log.Records, want)
		if !log.Witness.Part || (c.problem == "") != (len(odd(log)) == 0) || !strings.Contains(strings.Join(odd(log), "|"), c.problem) {
			t.Errorf("%s: part %v, %v, want %q", c.name, log.Witness.Part, odd(log), c.problem)
		}
	}
}

func TestPstoreForms(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     Record
		check    func(w *Witness) bool
	}{
		{"without times", "Panic#1 Part1\n<4>a\n<4>b\n", Record{Level: 4, Text: []byte("a")}, func(w *Witness) bool { return strings.Contains(strings.Join(w.Unknown, " "), "printk.time") }},
		{"with callers", "Panic#1 Part1\n<4>[    1.000000][    T7] a\n", Record{TsNsec: 1e9, Level: 4, Caller: 7, Text: []byte("a")}, func(w *Witness) bool { return !w.NoCaller }},
		{"without levels", "Panic#1 Part1\n[    1.000000] a\n", Record{TsNsec: 1e9, Text: []byte("a")}, func(w *Witness) bool { return w.NoLevel }},
		{"bytes of all kinds", "Panic#1 Part1\n<4>[    1.000000] \xe4 \\xe4 \x1b\n", Record{TsNsec: 1e9, Level: 4, Text: []byte("\xe4 \\xe4 \x1b")}, func(w *Witness) bool { return true }},
	} {
		log, err := LoadParts(context.Background(), saved(t, c.in), LoadOptions{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		c.want.State, c.want.TextLen = Finalized, len(c.want.Text)
		sameRecords(t, log.Records[:1], []Record{c.want})
		if !c.check(&log.Witness) {
			t.Errorf("%s: %+v", c.name, log.Witness)
		}
	}
}

func TestPstoreRefused(t *testing.T) {
	slots := func(n uint32) string {
		return erstMagic + string([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24), 0, 0x20, 0, 0}) + strings.Repeat("\x00", 20000)
	}
	bad := []byte(slots(8192))
	copy(bad[8192:], "CPER")
	bad[8192+cperSection], bad[8192+cperSection+5] = 200, 0xff
	for _, c := range []struct {
		name  string
		parts []string
		want  string
	}{
		{"two crashes", []string{at("Panic#1 Part1", 0, 9), at("Panic#1 Part1", 5, 9)}, "several crashes"},
		{"no record", []string{"# README\n", at("Panic#1 Part1", 0, 9)}, "does not begin like one"},
		{"empty", []string{""}, "empty"},
		{"another compression", []string{at("Panic#1 Part1", 0, 9), "\xf1\x0ePanic#1 Part2\n<6>\x00"}, "not with deflate"},
		{"only a head", []string{"Panic#1 Part1\n"}, "without a line"},
		{"ERST: a slot of nothing", []string{slots(0)}, "cannot be"},
		{"ERST: nothing in it", []string{slots(8192)}, "without a record"},
		{"ERST: a section outside", []string{string(bad)}, "cannot be"},
		{"ERST: cut", []string{erstMagic}, "inside its header"},
	} {
		if _, err := LoadParts(context.Background(), saved(t, c.parts...), LoadOptions{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := LoadParts(context.Background(), []string{t.TempDir()}, LoadOptions{}); err == nil || !strings.Contains(err.Error(), "without records of pstore") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := LoadParts(context.Background(), []string{"/nonexistent/dmesg-x"}, LoadOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// checkText states what holds for every log that was read from a text.
func checkText(t *testing.T, log *Log, size int) {
	t.Helper()
	if log.Witness.Kind == "" || len(log.Records) > maxTextRecords || len(odd(log)) > 2*maxProblems {
		t.Fatalf("%+v, %d records, %d problems", log.Witness, len(log.Records), len(odd(log)))
	}
	total := 0
	for i := range log.Records {
		r := &log.Records[i]
		total += len(r.Text)
		if r.Data != DataText && r.Text != nil || len(r.Text) > r.TextLen {
			t.Fatalf("record %d: %s, %d bytes of text, text_len %d", i, r.Data, len(r.Text), r.TextLen)
		}
		if log.Witness.Kind != Schema && i > 0 && r.Seq <= log.Records[i-1].Seq {
			t.Fatalf("record %d has seq %d after %d", i, r.Seq, log.Records[i-1].Seq)
		}
		ConsoleText(r, ConsoleOpts{Time: true, Caller: true, Syslog: true})
	}
	if total > 2*size+64 {
		t.Fatalf("%d bytes of text from %d", total, size)
	}
	if err := WriteDmesg(io.Discard, log); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteJSON(&b, log); err != nil {
		t.Fatal(err)
	}
	again, err := parseText(context.Background(), b.Bytes())
	if err != nil || len(again.Records) != len(log.Records) {
		t.Fatalf("its JSON is not read back: %v", err)
	}
}

// FuzzText: any text.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		"[    0.000000] Linux version 6\n[    1.000000] two\n               lines\n", "<6>[    0.000000] a\\xe4\n", "kern  :info  : [    0.000000][    T1] a\n",
		"6,339,5140900,-,caller=C1;te\\x5cxt\n SUBSYSTEM=pci\n", "[    0.000000] pc kernel: a\n-- Boot 1 --\n[    0.100000] pc x[1]: b\n",
		"Nov 26 02:51:42 pc kernel: [    1.000000] a#012b\n", `{"dmesg":[{"pri":6,"time":     0.000000,"msg":"a"}]}`,
		`{"schema":"lastpage.dmesg/1","records":[{"seq":1,"ts_nsec":1,"facility":0,"level":6,"caller":"T1","flags":["cont"],"state":"reserved","data":"none","text":""}]}`,
		`{"MESSAGE":[1,2],"_SOURCE_MONOTONIC_TIMESTAMP":"1","PRIORITY":"6"}`, "[    0.000000 <    0.1>] a\r\n", "Panic#1 Part2\n<6>a\nOops#2 Part1\n<6>b\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		log, ok, err := textLog(ctx, b[:min(len(b), 512)], bytes.NewReader(b), int64(len(b)))
		if ctx.Err() != nil || ok && err == nil && log == nil {
			t.Fatal(ok, err)
		}
		if err == nil && ok {
			checkText(t, log, len(b))
		}
	})
}

// FuzzPstore: two records, each as a file has it.
func FuzzPstore(f *testing.F) {
	f.Add([]byte(at("Panic#1 Part1", 0, 3)), []byte(at("Panic#1 Part2", 3, 5)))
	f.Add([]byte(at("Oops#1 Part1", 0, 3)+"\n1 Corrected bytes, 1 unrecoverable blocks\n"), []byte(at("Panic#2 Part1", 1, 5)))
	f.Add([]byte("====1.1-C\n\x0a\x48\xcc\x4b\xcc\x54\x36\x54\x08\x48\x2c\x2a\x31\xe4\x02\x04\x00\x00\xff\xff"), []byte(erstMagic))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		var all []part
		for i, file := range [][]byte{a, b} {
			got, err := recordParts(file, fmt.Sprint(i))
			if err != nil {
				continue
			}
			all = append(all, got...)
		}
		if len(all) == 0 {
			return
		}
		log, err := joinParts(ctx, all)
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		if err == nil {
			n := 0
			for _, p := range all {
				n += len(p.body)
			}
			checkText(t, log, n)
		}
	})
}
