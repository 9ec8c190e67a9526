// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestConsoleText(t *testing.T) {
	long := strings.Repeat("x", 100)
	for _, c := range []struct {
		name string
		rec  Record
		opts ConsoleOpts
		want string
	}{
		{"plain", Record{Text: []byte("hello")}, ConsoleOpts{}, "hello\n"},
		{"time", Record{TsNsec: 1234567899, Text: []byte("hello")}, ConsoleOpts{Time: true}, "[    1.234567] hello\n"},
		{"long time", Record{TsNsec: 123456789_000001999, Text: []byte("a")}, ConsoleOpts{Time: true}, "[123456789.000001] a\n"},
		{"caller", Record{Caller: 42, Text: []byte("a")}, ConsoleOpts{Caller: true}, "[   T42] a\n"},
		{"time and cpu", Record{Caller: 1<<31 | 3, Text: []byte("a")}, ConsoleOpts{Time: true, Caller: true}, "[    0.000000][    C3] a\n"},
		{"wide caller", Record{Caller: 1234567, Text: []byte("a")}, ConsoleOpts{Caller: true}, "[T1234567] a\n"},
		{"syslog", Record{Facility: 3, Level: 6, Text: []byte("a\nb")}, ConsoleOpts{Syslog: true, Time: true}, "<30>[    0.000000] a\n<30>[    0.000000] b\n"},
		{"syslog only", Record{Level: 4, Text: []byte("a")}, ConsoleOpts{Syslog: true}, "<4>a\n"},
		{"lines", Record{Text: []byte("a\n\nb\n")}, ConsoleOpts{Time: true, CRLF: true},
			"[    0.000000] a\r\n[    0.000000] \r\n[    0.000000] b\r\n[    0.000000] \r\n"},
		{"empty", Record{Data: DataEmpty}, ConsoleOpts{Time: true}, "[    0.000000] \n"},
		{"failed", Record{Data: DataFailed}, ConsoleOpts{Time: true}, ""},
		{"any bytes", Record{Text: []byte("\x1b[1m\xff\r")}, ConsoleOpts{}, "\x1b[1m\xff\r\n"},
		// Buffers that are too small, worked out by hand from record_print_text: 15 bytes of prefix, 2 for newline and terminator.
		{"fits exactly", Record{Text: []byte(long)}, ConsoleOpts{Time: true, Buffer: 117}, "[    0.000000] " + long + "\n"},
		{"one byte short drops the line", Record{Text: []byte(long)}, ConsoleOpts{Time: true, Buffer: 116}, ""},
		{"second line dropped", Record{Text: []byte("ab\n" + long)}, ConsoleOpts{Time: true, Buffer: 100}, "[    0.000000] ab\n"},
		{"cut in the third line", Record{Text: []byte("ab\ncd\n" + long)}, ConsoleOpts{Time: true, Buffer: 60}, "[    0.000000] ab\n[    0.000000] cd\n"},
		{"cut after the first line", Record{Text: []byte("abcd\nefgh")}, ConsoleOpts{Buffer: 6}, "abcd\n"},
		{"text larger than the buffer", Record{Text: []byte("ab\n" + long)}, ConsoleOpts{Buffer: 50}, "ab\n"},
	} {
		if got := ConsoleText(&c.rec, c.opts); string(got) != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestVisible(t *testing.T) {
	for _, c := range []struct {
		level, flags uint8
		loglevel     int
		want         bool
	}{{7, 0, 7, false}, {6, 0, 7, true}, {7, 0, 8, true}, {7, FlagForceCon, 1, true}, {0, 0, 0, false}} {
		if got := (&Record{Level: c.level, Flags: c.flags}).Visible(c.loglevel); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestPrinters(t *testing.T) {
	log := &Log{Records: []Record{
		{Seq: 1, TsNsec: 1_000_000_000, Level: 6, Flags: FlagNewline, Caller: 1, State: Finalized, Text: []byte("a\nb\t<&>")},
		{Seq: 2, State: Reusable, Data: DataLost},
		{Seq: 3, Caller: 1<<31 | 2, Flags: FlagCont | FlagForceCon | 16, State: Committed, Text: []byte("\x1b\xff\\"), Subsystem: "pci", Device: "+pci:0"},
		{Seq: 4, State: Reserved, Data: DataNone},
		{Seq: 5, State: Finalized, Data: DataEmpty},
		{Seq: 6, State: Finalized, TextLen: 9, Text: []byte("ä")},
	}}
	var b bytes.Buffer
	if err := WriteDmesg(&b, log); err != nil {
		t.Fatal(err)
	}
	want := "[    1.000000] a\nb\t<&>\n[    0.000000] \\x1b\\xff\\\n[    0.000000] \n[    0.000000] \\xc3\\xa4\n"
	if b.String() != want {
		t.Errorf("dmesg:\n%q\n%q", b.String(), want)
	}
	b.Reset()
	if err := WriteJSON(&b, log); err != nil {
		t.Fatal(err)
	}
	want = `{"schema":"lastpage.dmesg/1","release":"","next_seq":0,"overwritten":0,"failed":0,"problems":[], "records": [
{"seq":1,"ts_nsec":1000000000,"facility":0,"level":6,"caller":"T1","flags":["newline"],"state":"finalized","text":"a\nb\t<&>","subsystem":"","device":""},
{"seq":2,"ts_nsec":0,"facility":0,"level":0,"caller":"T0","flags":[],"state":"reusable","data":"lost","text":"","subsystem":"","device":""},
{"seq":3,"ts_nsec":0,"facility":0,"level":0,"caller":"C2","flags":["force_con","cont","0x10"],"state":"committed","text_b64":"G/9c","subsystem":"pci","device":"+pci:0"},
{"seq":4,"ts_nsec":0,"facility":0,"level":0,"caller":"T0","flags":[],"state":"reserved","data":"none","text":"","subsystem":"","device":""},
{"seq":5,"ts_nsec":0,"facility":0,"level":0,"caller":"T0","flags":[],"state":"finalized","data":"empty","text":"","subsystem":"","device":""},
{"seq":6,"ts_nsec":0,"facility":0,"level":0,"caller":"T0","flags":[],"state":"finalized","text":"ä","truncated":true,"text_len":9,"subsystem":"","device":""}
]}
`
	if b.String() != want {
		t.Errorf("json:\n%s\n%s", b.String(), want)
	}
	if !json.Valid(b.Bytes()) {
		t.Errorf("not one document:\n%s", &b)
	}
}
