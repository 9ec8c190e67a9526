// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func fromText(b []byte) (*Log, bool, error) {
	return textLog(context.Background(), b[:min(len(b), 4096)], bytes.NewReader(b), int64(len(b)))
}

// spoken is a real log with records of every kind put to its end.
func spoken(t *testing.T) *Log {
	t.Helper()
	log, err := Load(context.Background(), filepath.Join(unpacked(t, "arm64-qemu"), "vmcore.elf"), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range []Record{
		{Text: []byte("two\nlines")},
		{Text: []byte("three\n\n  of them, indented"), Level: 3},
		{Text: []byte("latin1 \xe4\xff esc \x1b[31m tab\tend"), Level: 7},
		{Text: []byte("utf-8 \xc3\xa4 \xf0\x9f\x92\xa9")},
		{Text: []byte("systemd[1]: hello"), Facility: 3, Level: 6},
		{Text: []byte("[    1.000000] a time in a text")},
		{Text: []byte("  begins with a space")},
		{Data: DataEmpty},
		{Text: []byte("pci 0000:00:01.0: a device"), Subsystem: "pci", Device: "+pci:0000:00:01.0", Caller: 1 | callerCPU, Flags: FlagCont},
		{Text: []byte("the last one")},
	} {
		last := log.Records[len(log.Records)-1]
		r.Seq, r.TsNsec, r.State, r.TextLen = last.Seq+1, last.TsNsec+uint64(i)*1001, Finalized, len(r.Text)
		log.Records = append(log.Records, r)
	}
	log.NextSeq = log.Records[len(log.Records)-1].Seq + 1
	return log
}

// odd is all that is said to be odd.
func odd(log *Log) []string {
	all := append([]string(nil), log.Notes...)
	for _, p := range log.Problems {
		all = append(all, p.Text)
	}
	return all
}

// What tools print of a log is read back: texts and times to the microsecond always, and whatever else the witness does not deny.
func TestTextRoundTrip(t *testing.T) {
	log := spoken(t)
	filled := *log // without records that have no text
	filled.Records = nil
	kernelOnly := *log // without what journalctl shows as a blob
	kernelOnly.Records = nil
	for _, r := range log.Records {
		if len(r.Text) == 0 {
			continue
		}
		filled.Records = append(filled.Records, r)
		if !bytes.Contains(r.Text, []byte{0x1b}) {
			kernelOnly.Records = append(kernelOnly.Records, r)
		}
	}
	crlf := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }
	vmcore := written(t, log, WriteDmesg)
	utilLinux := dmesgWith(log, none, none, appendEscaped)
	journal := append([]byte("-- Journal begins at Mon 2026-11-23 10:00:00 UTC. --\n"), dmesgWith(&kernelOnly, none, host, plain)...)
	w := Witness{NoReserved: true, TimeUS: true, NoSeq: true, NoLevel: true, NoCaller: true}
	limits := func(change func(*Witness)) Witness { c := w; change(&c); return c }
	leveled := limits(func(w *Witness) { w.NoLevel = false })
	for _, c := range []struct {
		kind string
		text []byte
		from *Log
		want Witness
	}{
		{"dmesg text", vmcore, log, w},
		{"dmesg text", utilLinux, &filled, w},
		{"dmesg text", crlf(utilLinux), &filled, w},
		{"dmesg text", append([]byte("\xef\xbb\xbf"), utilLinux...), &filled, w},
		{"dmesg text", utf16Text(utilLinux), &filled, w},
		{"dmesg text", dmesgColours(utilLinux), &filled, w},
		{"dmesg text", bytes.ReplaceAll(vmcore, []byte(`\xe4`), []byte(`\xffffffe4`)), log, w},
		{"dmesg text", dmesgWith(log, none, func(r *Record) string { return fmt.Sprintf("[%6s] ", r.CallerString()) }, appendEscaped), &filled, limits(func(w *Witness) { w.NoCaller = false })},
		{"dmesg -x text", dmesgWith(log, decoded, none, appendEscaped), &filled, leveled},
		{"dmesg -r text", dmesgWith(log, numbered, none, appendEscaped), &filled, leveled},
		{"journalctl text", journal, &kernelOnly, limits(func(w *Witness) { w.Part = true })},
		{"/dev/kmsg", devKmsg(log, false), log, Witness{NoReserved: true, TimeUS: true, NoCaller: true}},
		{"/dev/kmsg", devKmsg(log, true), log, Witness{NoReserved: true, TimeUS: true}},
		{"dmesg --json", dmesgJSON(log, false), log, leveled},
		{"dmesg --json", dmesgJSON(log, true), log, leveled},
		{"journalctl -o json", journalJSON(t, log), log, limits(func(w *Witness) { w.Part, w.NoLevel = true, false })},
	} {
		got, ok, err := fromText(c.text)
		if !ok || err != nil {
			t.Errorf("%s: %v, %v", c.kind, ok, err)
			continue
		}
		if len(got.Records) != len(c.from.Records) {
			t.Errorf("%s: %d records, want %d", c.kind, len(got.Records), len(c.from.Records))
			continue
		}
		g := got.Witness
		if g.Kind != c.kind || len(g.Unknown) == 0 {
			t.Errorf("%s: %+v", c.kind, g)
		}
		if g.Kind, g.Unknown = "", nil; fmt.Sprint(g) != fmt.Sprint(c.want) {
			t.Errorf("%s: limits %+v, want %+v", c.kind, g, c.want)
		}
		if got.Release != log.Release || len(odd(got)) > count(c.from == &filled) {
			t.Errorf("%s: release %q, %v", c.kind, got.Release, odd(got))
		}
		for i := range got.Records {
			r, want := &got.Records[i], c.from.Records[i]
			want.TsNsec = want.TsNsec / 1000 * 1000
			if len(want.Text) == 0 {
				want.Data = DataEmpty // a block without text prints the same
			}
			if g.NoSeq {
				want.Seq = uint64(i)
			}
			if g.NoLevel {
				want.Level, want.Facility = 0, 0
			}
			if g.NoCaller {
				want.Caller = 0
			}
			want.Flags = r.Flags
			want.Subsystem, want.Device = r.Subsystem, r.Device
			if fmt.Sprintf("%+v", *r) != fmt.Sprintf("%+v", want) {
				t.Errorf("%s: record %d is %+v %q, want %+v %q", c.kind, i, *r, r.Text, want, want.Text)
				break
			}
			if a, b := ConsoleText(r, ConsoleOpts{Time: true, CRLF: true}), ConsoleText(&c.from.Records[i], ConsoleOpts{Time: true, CRLF: true}); !bytes.Equal(a, b) {
				t.Errorf("%s: record %d: the console sends %q, of the memory %q", c.kind, i, a, b)
			}
		}
	}
	sub := 0
	kmsg, _, err := fromText(devKmsg(log, true))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range kmsg.Records {
		if want := &log.Records[i]; r.Subsystem != want.Subsystem || r.Device != want.Device || r.Flags&FlagCont != want.Flags&FlagCont {
			t.Errorf("/dev/kmsg: record %d: %+v", i, r)
		}
		if r.Subsystem != "" {
			sub++
		}
	}
	if sub == 0 {
		t.Error("/dev/kmsg: no record has a subsystem")
	}
}

// Our own JSON loses nothing, and neither does JSON of what was read from a text.
func TestJSONRoundTrip(t *testing.T) {
	_, rd := sample(t, 4, prbOpts{countBits: 6, dataBits: 11})
	memory, err := rd.Log(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	memory.Records[3].TextLen += 5
	text, _, err := fromText(written(t, spoken(t), WriteDmesg))
	if err != nil {
		t.Fatal(err)
	}
	for _, log := range []*Log{memory, spoken(t), text} {
		b := written(t, log, WriteJSON)
		got, ok, err := fromText(b)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		want := append([]Record(nil), log.Records...)
		for i := range want {
			if r := &want[i]; r.Data != DataText {
				r.TextLen, r.Text = 0, nil
			} else {
				r.TextLen = max(r.TextLen, len(r.Text))
			}
		}
		for i := range got.Records {
			if got.Records[i].Data != DataText {
				got.Records[i].TextLen = 0
			}
		}
		sameRecords(t, got.Records, want)
		if got.Witness.NoLevel != log.Witness.NoLevel || got.Overwritten != log.Overwritten || got.NextSeq != log.NextSeq {
			t.Errorf("%+v", got.Witness)
		}
		if again := written(t, got, WriteJSON); log.Witness.Kind != "" && !bytes.Equal(again, b) {
			t.Error("printed again it differs")
		}
	}
}

func TestTextForms(t *testing.T) {
	for _, c := range []struct {
		name, in   string
		kind, want string // of WriteDmesg
		problem    string
	}{
		{"delta", "[    0.000000 <    0.000000>] a\n[    1.500000 <    1.500000>] b\n", "dmesg text", "[    0.000000] a\n[    1.500000] b\n", ""},
		{"a kernel's own callers", "[    0.000000][    T0] a\n[    1.500000][    C1] b\n", "dmesg text", "[    0.000000] a\n[    1.500000] b\n", ""},
		{"not all have it", "[    0.000000] [    T0] a\n[    1.500000] b\n", "dmesg text", "[    0.000000] [    T0] a\n[    1.500000] b\n", ""},
		{"cut at both ends", "of a line\n[    1.000000] a\n[    2.000000] b", "dmesg text", "[    1.000000] a\n[    2.000000] b\n", "1 lines before"},
		{"no newline at the end", "[    1.000000] a\n[    2.000000] b", "dmesg text", "[    1.000000] a\n[    2.000000] b\n", "may be cut"},
		{"an empty record of dmesg", "[    1.000000] a\n\n[    2.000000] b\n", "dmesg text", "[    1.000000] a\n[    2.000000] b\n", "1 empty lines"},
		{"an empty line of vmcore-dmesg", "[    1.000000] a\n\nb\n[    2.000000] \n", "dmesg text", "[    1.000000] a\n\nb\n[    2.000000] \n", ""},
		{"a syslog file", "Nov 26 02:51:42 pc kernel: [    1.000000] a#012b\nNov 26 02:51:42 pc cron[3]: x\nNov 26 02:51:43 pc kernel: [    2.000000] c\n2026-11-26T02:51:44.123456+00:00 pc kernel: [    3.000000] d\n",
			"syslog file", "[    1.000000] a\nb\n[    2.000000] c\n[    3.000000] d\n", ""},
		{"several boots", "[    0.000000] Linux version 1 x\n[    9.000000] a\n[    0.000000] Linux version 2 x\n[    1.000000] b\n", "dmesg text", "[    0.000000] Linux version 2 x\n[    1.000000] b\n", "2 boots"},
		{"levels without times", "<6>a\n<4>b\n", "dmesg -r text", "[    0.000000] a\n[    0.000000] b\n", ""},
		{"a blob", "[    1.000000] pc kernel: a\n[    2.000000] pc kernel: [12B blob data]\n[    3.000000] pc kernel: c\n", "journalctl text", "[    1.000000] a\n[    2.000000] \n[    3.000000] c\n", "journalctl -a"},
		{"kmsg twice", "6,1,1000000,-;a\n6,2,2000000,-;b\n6,1,1000000,-;a\n6,2,2000000,-;b\n6,3,3000000,-;c\n", "/dev/kmsg", "[    1.000000] a\n[    2.000000] b\n[    3.000000] c\n", "another reading"},
		{"kmsg with a gap", "6,1,1000000,-;a\n6,5,2000000,c;b\\x5cx41\n", "/dev/kmsg", "[    1.000000] a\n[    2.000000] b\\x41\n", ""},
	} {
		log, ok, err := fromText([]byte(c.in))
		if !ok || err != nil {
			t.Errorf("%s: %v, %v", c.name, ok, err)
			continue
		}
		if got := string(written(t, log, WriteDmesg)); got != c.want || log.Witness.Kind != c.kind {
			t.Errorf("%s: %s: %q, want %q", c.name, log.Witness.Kind, got, c.want)
		}
		if said := strings.Join(odd(log), "|"); !strings.Contains(said, c.problem) || (c.problem == "") != (said == "") {
			t.Errorf("%s: %q is said, want %q", c.name, said, c.problem)
		}
	}
	kmsg, _, err := fromText([]byte("6,7,1000000,-;a\n6,9,2000000,c;b\n"))
	if err != nil || kmsg.Overwritten != 7 || kmsg.NextSeq != 10 || kmsg.Lookup(9) == nil || kmsg.Lookup(8) != nil || kmsg.Witness.NoSeq {
		t.Errorf("%+v, %v", kmsg, err)
	}
}

// What is no log: the answer says what it looks like.
func TestTextRefused(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"a README", "# lastpage\n\nA test harness.\n\n    lastpage run\n", "none of its 3 lines"},
		{"one line of many", "What\nis\nthis\n[    0.000000] Linux version 6.1\n?\n", "1 of its 5 lines"},
		{"login prompts", "\ndebian login: \n\ndebian login: root\nPassword: \n", "login prompts"},
		{"nothing but line ends", "\n\n\n", "no line"},
		{"times of day", "[Wed Nov 25 22:28:05 2026] a\n[Wed Nov 25 22:28:06 2026] b\n", "dmesg -T"},
		{"times of day, ISO", "2026-11-25T22:28:05,000000+00:00 a\n2026-11-25T22:28:05,000000+00:00 b\n", "time of day"},
		{"times of day, human", "[Nov25 22:28] a\n[  +0.000000] b\n", "time of day"},
		{"a journal in short form", "Nov 26 02:51:42 pc kernel: a\nNov 26 02:51:42 pc kernel: b\n", "short-monotonic"},
		{"JSON of something else", `{"a": 1}`, "without"},
		{"JSON that is none", `{"a": `, "begins like JSON"},
	} {
		if _, ok, err := fromText([]byte(c.in)); ok || !errors.Is(err, ErrNotLog) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v", c.name, ok, err)
		}
	}
	for _, c := range []struct{ name, in, want string }{
		{"another schema", `{"schema": "lastpage.dmesg/9", "records": []}`, "schema"},
		{"JSON with times of day", `{"dmesg": [{"pri":6,"time":"Wed Nov","msg":"a"}]}`, "-T"},
		{"a state that is none", `{"schema": "lastpage.dmesg/1", "records": [{"seq":1,"facility":0,"level":0,"caller":"T0","state":"x"}]}`, "state"},
		{"no level", `{"schema": "lastpage.dmesg/1", "records": [{"seq":1,"caller":"T0","state":"finalized"}]}`, "level"},
	} {
		if _, ok, err := fromText([]byte(c.in)); !ok || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v", c.name, ok, err)
		}
	}
	for _, b := range []string{"", "\x00\x01", "\x1f\x8b\x08\x00\x01\x02\x03\x04", "\x7fELF\x02\x01\x01\x00"} {
		if log, ok, err := fromText([]byte(b)); ok || err != nil || log != nil {
			t.Errorf("%q: %v, %v", b, ok, err)
		}
	}
	if _, ok, err := textLog(context.Background(), []byte("[    0.000000] a\n"), bytes.NewReader(nil), maxText+1); ok || err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("a huge text: %v, %v", ok, err)
	}
}
