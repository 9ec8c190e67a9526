// SPDX-License-Identifier: Apache-2.0

package grade

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lastpage/capture/ring"
)

// The printed forms of one log, as tools make them. Each line of a record gets its own prefix in syslog's form, as pstore keeps it.
func asDmesg(b *bytes.Buffer, log *ring.Log) error { return ring.WriteDmesg(b, log) }

func asJSON(b *bytes.Buffer, log *ring.Log) error { return ring.WriteJSON(b, log) }

func asPstore(b *bytes.Buffer, log *ring.Log) error {
	b.WriteString("Panic#1 Part1\n")
	for i := range log.Records {
		b.Write(ring.ConsoleText(&log.Records[i], ring.ConsoleOpts{Time: true, Syslog: true}))
	}
	return nil
}

func asKmsg(b *bytes.Buffer, log *ring.Log) error {
	for i := range log.Records {
		r := &log.Records[i]
		fmt.Fprintf(b, "%d,%d,%d,-;", int(r.Facility)<<3|int(r.Level), r.Seq, r.TsNsec/1000)
		for _, c := range r.Text {
			if c < ' ' || c >= 127 || c == '\\' {
				fmt.Fprintf(b, `\x%02x`, c)
			} else {
				b.WriteByte(c)
			}
		}
		b.WriteByte('\n')
	}
	return nil
}

// A wire judged by what somebody printed of the log: the same records are whole, nothing more is lost, and no letter is better than that of
// the dump.
func TestPrintedWitness(t *testing.T) {
	for _, c := range []struct{ capture, ring string }{{"lf-expected", "panic"}, {"first-of-three-warns", "three-warns"}, {"head-50k", "panic"}, {"two-boots", "sysrq"}} {
		memory := dumped(t, c.ring)
		w := unpacked(t, "testdata/captures/"+c.capture+".gz")
		want := Make(Input{Wire: bareWire(t, w), Ring: memory})
		if want.Ring.Witness != nil || want.Ring.Reserved == nil || want.Ring.Overwritten == nil {
			t.Errorf("%s: a dump has limits: %+v", c.capture, want.Ring)
		}
		for _, f := range []struct {
			kind  string
			print func(*bytes.Buffer, *ring.Log) error
			same  bool // it knows all that the grade asks for
		}{{"dmesg text", asDmesg, false}, {"ELF core", asJSON, true}, {"/dev/kmsg", asKmsg, true}, {"pstore", asPstore, false}} {
			var b bytes.Buffer
			if err := f.print(&b, memory); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			log, err := ring.Load(t.Context(), path, ring.LoadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			g := Make(Input{Wire: bareWire(t, w), Ring: log})
			if log.Witness.Kind != f.kind {
				t.Errorf("%s: read as %q", f.kind, log.Witness.Kind)
			}
			for _, name := range Names {
				a, b := g.Sections[name], want.Sections[name]
				more := a.Fates.Intact > b.Fates.Intact && f.kind == "pstore" // each line of a record is one there
				if a.Fates.Intact != b.Fates.Intact && !more || a.Fates.Torn != b.Fates.Torn || a.Fates.Garbled != b.Fates.Garbled || a.Fates.Missing > b.Fates.Missing {
					t.Errorf("%s, %s, %s: %s, of the dump %s", c.capture, f.kind, name, &a.Fates, &b.Fates)
				}
			}
			if g.Letter != want.Letter && (f.same || g.Letter != "") {
				t.Errorf("%s, %s: letter %q, of the dump %q", c.capture, f.kind, g.Letter, want.Letter)
			}
			limited := f.kind != "ELF core"
			if r := g.Ring; (r.Witness != nil) != limited || (r.Reserved == nil) != limited || (r.Overwritten == nil) != log.Witness.NoSeq {
				t.Errorf("%s, %s: %+v", c.capture, f.kind, r)
			}
			var text strings.Builder
			if err := WriteText(&text, g); err != nil {
				t.Fatal(err)
			}
			for _, u := range log.Witness.Unknown {
				if !strings.Contains(text.String(), u) {
					t.Errorf("%s, %s: %q is not said", c.capture, f.kind, u)
				}
			}
		}
	}
}
