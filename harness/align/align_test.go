// SPDX-License-Identifier: Apache-2.0

package align

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"lastpage/capture/ring"
)

var crlf = ring.ConsoleOpts{Time: true, CRLF: true}

// rec is a stored record: seq, time in us, level, caller T1.
func rec(seq uint64, us uint64, level uint8, text string) ring.Record {
	return ring.Record{Seq: seq, TsNsec: us * 1000, Level: level, Flags: ring.FlagNewline, Caller: 1,
		State: ring.Finalized, TextLen: len(text), Text: []byte(text)}
}

func some(n int) []ring.Record {
	recs := make([]ring.Record, n)
	for i := range recs {
		recs[i] = rec(uint64(i), uint64(1_000_000+137*i), 6, fmt.Sprintf("usb %d-1: record number %d of a test", i%7, i))
	}
	return recs
}

func image(recs []ring.Record, opts ring.ConsoleOpts) []byte {
	var b []byte
	for i := range recs {
		b = append(b, ring.ConsoleText(&recs[i], opts)...)
	}
	return b
}

// check holds for every input.
func check(t *testing.T, in Input, r *Result) {
	t.Helper()
	p := int64(0)
	var bytesOf [4]int64
	out := make([]int, len(r.Entries))
	for i, x := range r.Pieces {
		if x.Start != p || x.End <= x.Start {
			t.Fatalf("piece %d is %+v, the one before ended at %d", i, x, p)
		}
		p = x.End
		bytesOf[x.Kind] += x.End - x.Start
		if x.Kind == FromRecord {
			out[x.Entry] += int(x.End - x.Start)
		}
	}
	if p != int64(len(in.Wire)) {
		t.Fatalf("pieces end at %d of %d", p, len(in.Wire))
	}
	if bytesOf != r.Bytes {
		t.Fatalf("bytes by kind: %v, pieces say %v", r.Bytes, bytesOf)
	}
	if len(r.Entries) != r.WireOnly+len(in.Records) {
		t.Fatalf("%d entries for %d records and %d on the wire only", len(r.Entries), len(in.Records), r.WireOnly)
	}
	for i := range r.Entries {
		e := &r.Entries[i]
		if (e.Rec < 0) != (i < r.WireOnly) || e.Rec >= 0 && e.Rec != i-r.WireOnly {
			t.Fatalf("entry %d has record %d", i, e.Rec)
		}
		sum := 0
		for _, o := range e.Occ {
			sum += o.Out
			if o.Out <= 0 || o.Start >= o.End || o.Out > int(o.End-o.Start) {
				t.Fatalf("entry %d: %+v", i, o)
			}
			if e.Rec >= 0 && in.Records[e.Rec].Data == ring.DataText && e.Storage == Stored {
				img := ring.ConsoleText(&in.Records[e.Rec], in.Opts)
				if o.Clean && !bytes.Equal(in.Wire[o.Start:o.End], img[:o.Out]) {
					t.Fatalf("entry %d: %+v is called clean: %q is no beginning of %q", i, o, in.Wire[o.Start:o.End], img)
				}
				if o.Whole && !bytes.Equal(in.Wire[o.Start:o.End], img) {
					t.Fatalf("entry %d: %+v is called whole: %q is not %q", i, o, in.Wire[o.Start:o.End], img)
				}
			}
		}
		if sum != out[i] {
			t.Fatalf("entry %d: occurrences have %d bytes, pieces %d", i, sum, out[i])
		}
		if e.Out > e.Size && e.Fate != Garbled {
			t.Fatalf("entry %d: %d bytes out of %d", i, e.Out, e.Size)
		}
		if (e.Fate == Intact) != (e.Best >= 0 && e.Occ[e.Best].Whole && e.Rec >= 0 && e.Storage == Stored) && e.Fate != Replayed {
			t.Fatalf("entry %d is %v: %+v", i, e.Fate, e)
		}
	}
	if r.OutOfOrder > 0 != (r.OrderBreaks > 0) {
		t.Fatalf("%d breaks of order, %d records out of order", r.OrderBreaks, r.OutOfOrder)
	}
}

func fates(r *Result) string {
	var s []string
	for i := range r.Entries {
		s = append(s, r.Entries[i].Fate.String())
	}
	return strings.Join(s, " ")
}

func TestAlign(t *testing.T) {
	a, b, c := rec(0, 1000000, 6, "usb 1-1: new device"), rec(1, 1000100, 6, "usb 1-1: Product: thing"), rec(2, 1000200, 6, "scsi host0: ahci")
	multi := rec(1, 1000100, 6, "Call Trace:\n <TASK>\n dump_stack_lvl+0x5d/0x80")
	A, B, C, M := string(image([]ring.Record{a}, crlf)), string(image([]ring.Record{b}, crlf)), string(image([]ring.Record{c}, crlf)), string(image([]ring.Record{multi}, crlf))
	abc := []ring.Record{a, b, c}
	amc := []ring.Record{a, multi, c}
	debug := rec(1, 1000100, 7, "a debug line")
	reserved := ring.Record{Seq: 1, State: ring.Reserved, Data: ring.DataNone}
	from := func(seq uint64, rs ...ring.Record) []ring.Record {
		out := append([]ring.Record(nil), rs...)
		for i := range out {
			out[i].Seq += seq
		}
		return out
	}
	replay := "** replaying previous printk message **\r\n"
	for _, tt := range []struct {
		name   string
		wire   string
		recs   []ring.Record
		fates  string
		bytes  [4]int64 // foreign, record, meta, unexplained; checked when not all 0
		verify func(t *testing.T, r *Result)
	}{
		{name: "clean", wire: A + B + C, recs: abc, fates: "intact intact intact"},
		{name: "nothing", wire: "", recs: abc, fates: "missing missing missing"},
		{name: "firmware before", wire: "SeaBIOS (version 1.16)\r\n\r\nBooting from ROM..\x1b[0m" + A + B + C, recs: abc, fates: "intact intact intact",
			bytes: [4]int64{48, int64(len(A + B + C)), 0, 0}},
		{name: "torn at the end", wire: A + B + C[:len(C)-7], recs: abc, fates: "intact intact torn",
			verify: func(t *testing.T, r *Result) {
				if r.Entries[2].Out != len(C)-7 {
					t.Errorf("%d bytes out", r.Entries[2].Out)
				}
			}},
		{name: "torn before its line end", wire: A + B + C[:len(C)-1], recs: abc, fates: "intact intact torn"},
		{name: "torn inside the prefix", wire: A + B + "[  ", recs: abc, fates: "intact intact torn"},
		{name: "torn, replayed with a newline", wire: A + B[:20] + "\r\n" + replay + B + C, recs: abc, fates: "intact replayed intact",
			bytes: [4]int64{0, int64(len(A+B+C) + 20), int64(len(replay) + 2), 0}},
		{name: "torn, replayed without", wire: A + B[:20] + replay + B + C, recs: abc, fates: "intact replayed intact"},
		{name: "torn inside the prefix, replayed", wire: A + B[:5] + "\r\n" + replay + B + C, recs: abc, fates: "intact replayed intact"},
		{name: "twice torn", wire: A + B[:5] + "\r\n" + replay + B[:19] + "\r\n** replaying prev\r\n" + replay + B + C, recs: abc, fates: "intact replayed intact"},
		{name: "torn and taken over without any mark", wire: A + B[:21] + C, recs: abc, fates: "intact torn intact"},
		{name: "torn, newline, never replayed", wire: A + B[:21] + "\r\n" + C, recs: abc, fates: "intact torn intact"},
		{name: "whole, then replayed", wire: A + B + replay + B + C, recs: abc, fates: "intact intact intact",
			verify: func(t *testing.T, r *Result) {
				if len(r.Entries[1].Occ) != 2 || r.ReplayNotes != 1 {
					t.Errorf("%+v, %d notes", r.Entries[1].Occ, r.ReplayNotes)
				}
			}},
		{name: "multi-line torn in its second line", wire: A + M[:len(M)-45] + "\r\n" + replay + M + C, recs: amc, fates: "intact replayed intact"},
		{name: "multi-line cut after a line", wire: A + M[:strings.Index(M, "\n")+1] + C, recs: amc, fates: "intact torn intact"},
		{name: "multi-line with user space inside", wire: A + strings.Replace(M, "\n", "\nlogin: \r\n", 1) + C, recs: amc, fates: "intact garbled intact"},
		{name: "dropped", wire: A + "** 12 printk messages dropped **\r\n" + C, recs: abc, fates: "intact missing intact",
			verify: func(t *testing.T, r *Result) {
				if r.Dropped != 12 || r.DroppedNotes != 1 {
					t.Errorf("%d in %d notes", r.Dropped, r.DroppedNotes)
				}
			}},
		{name: "bytes lost inside", wire: A + B[:22] + B[27:] + C, recs: abc, fates: "intact garbled intact"},
		{name: "bytes changed", wire: A + strings.Replace(B, "Product", "P?od?ct", 1) + C, recs: abc, fates: "intact garbled intact"},
		{name: "prefix damaged", wire: A + "[  *.0" + B[9:] + C, recs: abc, fates: "intact garbled intact"},
		{name: "user space inside", wire: A + B[:25] + "# ls" + B[25:] + C, recs: abc, fates: "intact garbled intact",
			bytes: [4]int64{4, int64(len(A + B + C)), 0, 0}},
		{name: "prompt in front", wire: A + "login: " + B + C, recs: abc, fates: "intact intact intact",
			bytes: [4]int64{7, int64(len(A + B + C)), 0, 0}},
		{name: "a line end before each record", wire: A + "\r\n" + B + "\r\n" + C + "\r\n", recs: abc, fates: "intact intact intact",
			bytes: [4]int64{2, int64(len(A + B + C)), 4, 0}},
		{name: "torn after its carriage return", wire: A + B[:len(B)-1] + "\r\n" + B + C, recs: abc, fates: "intact replayed intact",
			bytes: [4]int64{0, int64(len(A+B+B+C) - 1), 2, 0}},
		{name: "suppressed", wire: A + C, recs: []ring.Record{a, debug, c}, fates: "intact suppressed intact"},
		{name: "suppressed level printed after all", wire: A + string(image([]ring.Record{debug}, crlf)), recs: []ring.Record{a, debug, c}, fates: "intact intact missing"},
		{name: "reserved", wire: A + C, recs: []ring.Record{a, reserved, c}, fates: "intact unprintable intact"},
		{name: "no ring", wire: A + B + C[:20], fates: "seen seen torn"},
		{name: "no ring, replay", wire: A + B[:20] + "\r\n" + replay + B + C, fates: "seen replayed seen"},
		{name: "no ring, replay of a fragment", wire: A + B[:5] + "\r\n" + replay + B + C, fates: "seen replayed seen"},
		{name: "overwritten", wire: A + B + C, recs: from(7, c), fates: "seen seen intact",
			verify: func(t *testing.T, r *Result) {
				if r.WireOnly != 2 || r.Entries[0].Storage != Overwritten || string(r.Entries[1].Text) != "usb 1-1: Product: thing" {
					t.Errorf("%+v", r.Entries)
				}
			}},
		{name: "nothing was overwritten", wire: A + B + C, recs: []ring.Record{c2(c)}, fates: "intact",
			bytes: [4]int64{0, int64(len(C)), 0, int64(len(A + B))}},
		{name: "newest first", wire: C + A + B, recs: abc, fates: "intact intact intact",
			verify: func(t *testing.T, r *Result) {
				if r.OrderBreaks != 1 || r.OutOfOrder != 1 {
					t.Errorf("%d breaks, %d out of order", r.OrderBreaks, r.OutOfOrder)
				}
			}},
		{name: "replay of the whole console", wire: A + B + C + A + B + C[:30], recs: abc, fates: "intact intact intact",
			verify: func(t *testing.T, r *Result) {
				if r.OrderBreaks != 0 || len(r.Entries[2].Occ) != 2 {
					t.Errorf("%d breaks, %+v", r.OrderBreaks, r.Entries[2].Occ)
				}
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := Input{Wire: []byte(tt.wire), Records: tt.recs, Opts: crlf, Levels: []Level{{Loglevel: 7}}}
			r := Align(in)
			check(t, in, r)
			if got := fates(r); got != tt.fates {
				t.Errorf("fates %s\nwant  %s\npieces %+v", got, tt.fates, r.Pieces)
			}
			if tt.bytes != [4]int64{} && tt.bytes != r.Bytes {
				t.Errorf("bytes %v, want %v: %+v", r.Bytes, tt.bytes, r.Pieces)
			}
			if tt.verify != nil {
				tt.verify(t, r)
			}
		})
	}
}

func c2(c ring.Record) ring.Record { c.Seq = 0; return c }

// After a panic the kernel prints all levels.
func TestVerbose(t *testing.T) {
	recs := []ring.Record{rec(0, 1, 7, "debug before"), rec(1, 2, 0, "Kernel panic - not syncing: test"), rec(2, 3, 7, "debug after")}
	r := Align(Input{Records: recs, Opts: crlf, Levels: []Level{{Loglevel: 4}}})
	if got := fates(r); got != "suppressed missing missing" {
		t.Errorf("fates %s", got)
	}
}

// A console without times: equal lines go to the record that fits between its
// neighbours.
func TestEqualLines(t *testing.T) {
	var recs []ring.Record
	for i, s := range []string{"one", "", "two", "", "three", ""} {
		recs = append(recs, rec(uint64(i), uint64(i), 6, s))
	}
	opts := ring.ConsoleOpts{CRLF: true}
	in := Input{Wire: []byte("\r\nboot\r\none\r\ntwo\r\n\r\nthree\r\n"), Records: recs, Opts: opts}
	r := Align(in)
	check(t, in, r)
	if got := fates(r); got != "intact missing intact intact intact missing" {
		t.Errorf("fates %s", got)
	}
}

// A record whose text was overwritten still has its time and caller.
func TestTextOverwritten(t *testing.T) {
	recs := some(6)
	wire := image(recs[:2], crlf)
	wire = append(wire, image(recs[4:], crlf)...)
	for i := range 4 {
		recs[i].State, recs[i].Data, recs[i].Text = ring.Reusable, ring.DataLost, nil
	}
	recs[3].Level = 7
	in := Input{Wire: wire, Records: recs, Opts: crlf, Levels: []Level{{Loglevel: 7}}}
	r := Align(in)
	check(t, in, r)
	if got := fates(r); got != "seen seen missing suppressed intact intact" {
		t.Errorf("fates %s", got)
	}
	if got := string(r.Entries[1].Text); got != "usb 1-1: record number 1 of a test" {
		t.Errorf("text %q", got)
	}
}

// The lines of a table at one and the same time, some of them overwritten.
func TestTableNotGarbled(t *testing.T) {
	var recs []ring.Record
	for i := range 12 {
		recs = append(recs, rec(uint64(i), 0, 6, fmt.Sprintf("BIOS-e820: [mem 0x%016x-0x%016x] usable", i<<20, (i+1)<<20)))
	}
	in := Input{Wire: image(recs, crlf), Records: recs[4:], Opts: crlf}
	r := Align(in)
	check(t, in, r)
	if got := fates(r); got != strings.Repeat("seen ", 4)+strings.TrimSpace(strings.Repeat("intact ", 8)) {
		t.Errorf("fates %s", got)
	}
}

func TestDetect(t *testing.T) {
	recs := some(50)
	for _, o := range formats() {
		got, matched, tried := Detect(image(recs, o), recs)
		if got != o || matched != 50 || tried != 50 {
			t.Errorf("%+v: got %+v, %d of %d", o, got, matched, tried)
		}
		if !o.Time && !o.Caller && !o.Syslog {
			continue
		}
		if got, _, _ := Detect(image(recs, o), nil); got != o {
			t.Errorf("without records %+v: got %+v", o, got)
		}
	}
}

// spoil does to a wire what machines do.
func spoil(r *rand.Rand, wire []byte) []byte {
	var out []byte
	for i := 0; i < len(wire); {
		n := min(1+r.IntN(400), len(wire)-i)
		switch r.IntN(6) {
		case 0:
		case 1:
			out = append(out, wire[i:i+n/2]...)
			out = append(out, "\r\n** replaying previous printk message **\r\n"...)
		case 2:
			out = append(append(out, wire[i:i+n]...), "login: "...)
		case 3:
			out = append(append(out, wire[i:i+n]...), wire[i:i+n]...)
		default:
			out = append(out, wire[i:i+n]...)
		}
		i += n
	}
	return out
}

func TestSpoiled(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		recs := some(60)
		opts := formats()[r.IntN(16)]
		in := Input{Wire: spoil(r, image(recs, opts)), Records: recs[r.IntN(20):], Opts: opts, Levels: []Level{{Loglevel: 7}}}
		res := Align(in)
		check(t, in, res)
		if again := Align(in); fmt.Sprint(again) != fmt.Sprint(res) {
			t.Fatalf("seed %d: two answers to one question", seed)
		}
	}
}

// The work is bounded by the size of the input, whatever it is. The times are
// printed, not judged; a quadratic step would not finish.
func TestHostile(t *testing.T) {
	const n = 1 << 20
	same := make([]ring.Record, 20000)
	for i := range same {
		same[i] = rec(uint64(i), 5, 6, "the same words again and again and again")
	}
	long := rec(0, 5, 6, strings.Repeat("ab", 800))
	line := string(image(same[:1], crlf))
	for _, tt := range []struct {
		name string
		wire []byte
		recs []ring.Record
	}{
		{"equal records, equal lines", bytes.Repeat([]byte(line), n/len(line)), same},
		{"equal records, torn lines", bytes.Repeat([]byte(line[:40]+"\r\n"), n/42), same},
		{"prefixes without end", bytes.Repeat([]byte(line[:15]), n/15), same},
		{"brackets", bytes.Repeat([]byte("["), n), same},
		{"notes", bytes.Repeat([]byte("** 9 printk messages dropped **"), n/31), same},
		{"stars", bytes.Repeat([]byte("*"), n), same},
		{"newlines", bytes.Repeat([]byte("\n"), n), same},
		{"long and damaged", bytes.Repeat(append(ring.ConsoleText(&long, crlf)[:1200], "X\r\n"...), n/1203), []ring.Record{long, long}},
		{"growing chain", chain(n), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := Input{Wire: tt.wire, Records: tt.recs, Opts: crlf}
			start := time.Now()
			r := Align(in)
			t.Logf("%v for %d bytes and %d records", time.Since(start), len(in.Wire), len(in.Records))
			check(t, in, r)
		})
	}
}

func chain(n int) []byte {
	var b []byte
	for i := 0; len(b) < n; i++ {
		b = append(b, "[    0.000005] "+strings.Repeat("x", i)+"\r\n"...)
	}
	return b
}

func BenchmarkAlign(b *testing.B) {
	recs := some(20000)
	wire := image(recs, crlf)
	r := rand.New(rand.NewPCG(1, 1))
	for _, bb := range []struct {
		name string
		in   Input
	}{
		{"clean", Input{Wire: wire, Records: recs, Opts: crlf}},
		{"spoiled", Input{Wire: spoil(r, wire), Records: recs, Opts: crlf}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.in.Wire)))
			for b.Loop() {
				Align(bb.in)
			}
		})
	}
}
