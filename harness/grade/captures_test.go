// SPDX-License-Identifier: Apache-2.0

package grade

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"strings"
	"testing"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/harness/align"
)

// unpacked reads a packed file of testdata.
func unpacked(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// dumped reads the log of a small core of testdata/rings.
func dumped(t testing.TB, name string) *ring.Log {
	t.Helper()
	b := unpacked(t, "testdata/rings/"+name+".elf.gz")
	core, err := ring.NewCore(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	log, err := core.Log(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func bareWire(t testing.TB, b []byte) *wire.Log {
	t.Helper()
	l, _, err := wire.Load(bytes.NewReader(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Wires as loggers leave them, each with the dump that people gave with it.
func TestCaptures(t *testing.T) {
	for _, tt := range []struct {
		name, ring string
		letter     string
		why        string            // of the letter or of the void, a part of it
		wire       map[string]int    // section -> records whole on the wire
		fates      map[string]string // section -> all fates
		says       []string          // parts of what is said of the capture
	}{
		{"empty-capture", "panic", "", "the capture has no byte", map[string]int{Boot: 0, Panic: 0},
			map[string]string{Panic: "18 unknown"}, nil},
		{"first-of-three-warns", "three-warns", "D", "warn 1", map[string]int{Warn: 3, Panic: 34},
			map[string]string{Warn: "3 intact, 43 missing"}, nil},
		{"grabserial", "panic", "A", Panic, map[string]int{Boot: 956, Panic: 18},
			map[string]string{Boot: "956 intact, 13 suppressed", Panic: "18 intact"},
			[]string{"the logger took the CR of each line end", `a logger put words of one shape before 974 lines, such as "[0.000001 0.000001] "`}},
		{"head-50k", "panic", "", "panic: what became of 18 of its records is not known", map[string]int{Boot: 617, Panic: 0},
			map[string]string{Panic: "18 unknown"}, []string{"the capture ends at byte 50000 inside a record"}},
		{"lf-expected", "panic", "A", Panic, map[string]int{Boot: 956, Panic: 18}, nil, []string{"took the CR"}},
		{"other-kernel", "sysrq", "", "another kernel: the wire's banner says 6.12.117+deb12-rt-amd64, the dump is of 6.12.117+deb12-amd64", nil, nil, nil},
		{"script-crcrlf", "panic", "A", Panic, map[string]int{Boot: 956, Panic: 18},
			map[string]string{Boot: "956 intact, 13 suppressed"}, []string{"a terminal or telnet layer added a CR"}},
		{"time-switched-off", "time-off", "A", Panic, map[string]int{Boot: 359, Panic: 38},
			map[string]string{Panic: "38 intact"}, []string{"353 records with time, 44 records without a prefix"}},
		{"two-boots", "sysrq", "A", Panic, map[string]int{Boot: 347, Panic: 40},
			map[string]string{Boot: "347 intact, 14 suppressed"}, []string{"boot 1 is judged, bytes 0 to 26487; the other 27293 bytes"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := Make(Input{Wire: bareWire(t, unpacked(t, "testdata/captures/"+tt.name+".gz")), Ring: dumped(t, tt.ring)})
			if all := g.Why + "|" + strings.Join(g.Void, "|"); g.Letter != tt.letter || !strings.Contains(all, tt.why) {
				t.Errorf("letter %q, %q; want %q because of %q", g.Letter, all, tt.letter, tt.why)
			}
			for name, n := range tt.wire {
				if got := g.Sections[name].Wire.Records; got != n {
					t.Errorf("%s: %d records on the wire, want %d", name, got, n)
				}
			}
			for name, want := range tt.fates {
				if got := g.Sections[name].Fates.String(); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			said := strings.Join(append(append(g.Capture.Undone, g.Capture.Cut...), g.Capture.Notes...), "|")
			for _, want := range tt.says {
				if !strings.Contains(said, want) {
					t.Errorf("%q is not said: %s", want, said)
				}
			}
		})
	}
}

// A capture that no kernel has written is void, and so is one of another kind of file.
func TestNoKernel(t *testing.T) {
	log := dumped(t, "sysrq")
	for name, b := range map[string]string{
		"a README":        "# Cases: what people really have\n\nEach case stands for its whole kind.\nMend the kind.\n",
		"gzip":            "\x1f\x8b\x08\x00\x00\x00\x00\x00",
		"a login prompt":  "\r\nDebian GNU/Linux 12 lab ttyS0\r\n\r\nlab login: \r\nlab login: ",
		"noise":           strings.Repeat("\xf8\x00\x80\xfe\x1c\xe0", 500),
		"another machine": strings.Repeat("[   12.345678] usb 1-1: some device that was never here\r\n", 50),
	} {
		for _, r := range []*ring.Log{log, nil} {
			if name == "another machine" && r == nil {
				continue // without a dump it may be anybody's
			}
			g := Make(Input{Wire: bareWire(t, []byte(b)), Ring: r})
			if len(g.Void) == 0 || g.Letter != "" {
				t.Errorf("%s, dump %v: void %q, letter %q", name, r != nil, g.Void, g.Letter)
			}
		}
	}
}

// With only a wire there is a statement and no letter, however good it looks.
func TestNoDumpNoLetter(t *testing.T) {
	g := Make(Input{Wire: bareWire(t, unpacked(t, "testdata/captures/two-boots.gz"))})
	if g.Letter != "" || len(g.Void) > 0 || !strings.Contains(g.Why, "there is no dump") {
		t.Errorf("letter %q, void %q, %q", g.Letter, g.Void, g.Why)
	}
	if n := len(g.Capture.Boots); n != 2 {
		t.Errorf("%d boots", n)
	}
}

// sent is what a UART sends of a log: the visible records in their order.
func sent(log *ring.Log, level int) []byte {
	var b []byte
	all := false
	for i := range log.Records {
		r := &log.Records[i]
		all = all || panics(r)
		if r.State.Stored() && (all || r.Visible(level)) {
			b = append(b, ring.ConsoleText(r, ring.ConsoleOpts{Time: true, CRLF: true})...)
		}
	}
	return b
}

// charged counts the records that a grade lays at the kernel's door.
func charged(a *align.Result) (n int) {
	for i := range a.Entries {
		switch a.Entries[i].Fate {
		case align.Missing, align.Torn, align.Garbled:
			n++
		}
	}
	return n
}
