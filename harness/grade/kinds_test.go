// SPDX-License-Identifier: Apache-2.0

package grade

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"lastpage/capture/ring"
)

// lines are what a console sends for some of a log's records.
func lines(log *ring.Log, o ring.ConsoleOpts, want func(i int, r *ring.Record) bool) []byte {
	var b []byte
	o.CRLF = true
	for i := range log.Records {
		if r := &log.Records[i]; r.State.Stored() && want(i, r) {
			b = append(b, ring.ConsoleText(r, o)...)
		}
	}
	return b
}

// panicRecord is the index of the first record of the panic.
func panicRecord(log *ring.Log) int {
	for i := range log.Records {
		if panics(&log.Records[i]) {
			return i
		}
	}
	return len(log.Records)
}

// noLetter is what a test expects where nothing can be told.
const noLetter = "?"

// Kinds of captures that no file of testdata has, rendered from true logs.
func TestKindsOfCaptures(t *testing.T) {
	log := dumped(t, "sysrq")
	whole := sent(log, 7)
	die := panicRecord(log)
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	timed := ring.ConsoleOpts{Time: true}
	visible := func(i int, r *ring.Record) bool { return i >= die || r.Visible(7) }
	before := lines(log, timed, func(i int, r *ring.Record) bool { return i < die-20 && visible(i, r) })
	rest := whole[len(before):]
	everything := lines(log, timed, func(i int, r *ring.Record) bool { return i < die-20 })

	for _, tt := range []struct {
		name   string
		wire   []byte
		log    *ring.Log
		letter string
		fates  map[string]string
		says   string
	}{
		{"user space prints the log once more", cat(before, everything, rest), log, "A",
			map[string]string{Boot: "347 intact, 14 suppressed", Panic: "40 intact"}, "user space printed the kernel's log once more"},
		{"the panic prints all once more", cat(whole[:last], lines(log, timed, func(int, *ring.Record) bool { return true }), whole[last:]), log, "A",
			map[string]string{Boot: "361 intact", Panic: "40 intact"}, ""},
		{"a list of LAVA", lava(whole), log, "A", map[string]string{Boot: "347 intact, 14 suppressed", Panic: "40 intact"}, "a logger put"},
		{"quiet", lines(quietly(log, "quiet"), timed, func(i int, r *ring.Record) bool { return i >= die || r.Visible(4) }), quietly(log, "quiet"), "A",
			map[string]string{Panic: "40 intact"}, ""},
		{"dmesg -n 4 in the middle", lines(log, timed, func(i int, r *ring.Record) bool { return i >= die || r.Visible(7) && (i < 200 || r.Level < 4) }), log, "A",
			map[string]string{Panic: "40 intact"}, ""},
		{"PRINTK_CALLER", lines(log, ring.ConsoleOpts{Time: true, Caller: true}, visible), log, "A", map[string]string{Panic: "40 intact"}, ""},
		{"a caller of a vendor's", vendor(whole), log, "A", map[string]string{Panic: "40 intact"}, "the caller or the context after the time"},
		{"the format of syslog", lines(log, ring.ConsoleOpts{Time: true, Syslog: true}, visible), log, "A", map[string]string{Panic: "40 intact"}, ""},
		{"no times", lines(log, ring.ConsoleOpts{}, visible), log, "A", map[string]string{Panic: "40 intact"}, ""},
		{"coloured", bytes.ReplaceAll(whole, []byte("[ "), []byte("\x1b[32m[ \x1b[0m")), log, "A", map[string]string{Panic: "40 intact"}, "control sequences"},
		{"firmware before it", cat([]byte("SeaBIOS (version 1.16.2)\r\n\r\nBooting from ROM..\r\n"), whole), log, "A", map[string]string{Boot: "347 intact, 14 suppressed"}, ""},
		{"five panics", cat(sent(shifted(log, 1e6), 7), sent(shifted(log, 2e6), 7), whole, sent(shifted(log, 3e6), 7), sent(shifted(log, 4e6), 7)), log, "A",
			map[string]string{Boot: "347 intact, 14 suppressed", Panic: "40 intact"}, "a reboot loop"},
		{"the last 64 kB", whole[len(whole)-9000:], log, "A", map[string]string{Panic: "40 intact"}, "a hole at byte 0"},
		{"the console dies in its panic, and the firmware speaks", cat(whole[:bytes.Index(whole, []byte("Call Trace"))-15], []byte("SeaBIOS (version 1.16.2)\r\n")), log, "D", nil, ""},
		{"the file ends in its panic, after a whole line", whole[:bytes.Index(whole, []byte("Call Trace"))-15], log, noLetter, nil, "nothing follows"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := Make(Input{Wire: bareWire(t, tt.wire), Ring: tt.log})
			if g.Letter != strings.Trim(tt.letter, noLetter) || len(g.Void) > 0 {
				t.Errorf("letter %q (%s), void %q, want %q", g.Letter, g.Why, g.Void, tt.letter)
			}
			for name, want := range tt.fates {
				if got := g.Sections[name].Fates.String(); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			said := strings.Join(append(append(g.Capture.Undone, g.Capture.Cut...), g.Capture.Notes...), "|")
			if !strings.Contains(said, tt.says) {
				t.Errorf("%q is not said: %s", tt.says, said)
			}
			if t.Failed() {
				var b strings.Builder
				_ = WriteText(&b, g)
				t.Log("\n" + b.String())
			}
		})
	}
}

// A WARN of which an NMI left only the first line is a splat without an end: there is no letter, however whole the panic is.
func TestInterruptedWarn(t *testing.T) {
	log := dumped(t, "three-warns")
	first := -1
	for i := range log.Records {
		if bytes.HasPrefix(log.Records[i].Text, []byte(cutHere)) {
			first = i
			break
		}
	}
	c := *log
	c.Records = nil
	for i := range log.Records {
		if r := log.Records[i]; i <= first || i >= panicRecord(log) {
			if i > first {
				r.Seq, r.Caller = uint64(len(c.Records)), 1<<31 // from another context
			}
			c.Records = append(c.Records, r)
		}
	}
	g := Make(Input{Wire: bareWire(t, sent(&c, 7)), Ring: &c})
	if len(g.Splats) != 1 || g.Splats[0].End != "" || g.Letter != "" || !strings.Contains(g.Why, "warn 1: what was to be expected is not known") {
		t.Errorf("%d splats, letter %q (%s)", len(g.Splats), g.Letter, g.Why)
	}
}

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// lava is a log in the form of a list of YAML flow mappings, a line each.
func lava(b []byte) []byte {
	var out []byte
	for i, l := range bytes.Split(bytes.TrimSuffix(b, []byte("\r\n")), []byte("\r\n")) {
		out = fmt.Appendf(out, "- {dt: '2026-11-26T02:%02d:%02d.%06d', lvl: target, msg: '%s'}\n", i/60%60, i%60, i*7919%1000000, l)
	}
	return out
}

// vendor puts a thread and a CPU after each time, as some trees do.
func vendor(b []byte) []byte {
	var out []byte
	for i, l := range bytes.SplitAfter(b, []byte("\r\n")) {
		if k := bytes.IndexByte(l, ']'); k > 0 && len(l) > 2 {
			out = append(out, l[:k+1]...)
			out = fmt.Appendf(out, "[T%d@C%d]", i*17%900, i%8)
			l = l[k+1:]
		}
		out = append(out, l...)
	}
	return out
}

// quietly is the log with a word more in its command line.
func quietly(l *ring.Log, word string) *ring.Log {
	c := shifted(l, 0)
	for i := range c.Records {
		if r := &c.Records[i]; bytes.HasPrefix(r.Text, []byte("Command line: ")) || bytes.HasPrefix(r.Text, []byte("Kernel command line: ")) {
			r.Text = append(bytes.Clone(r.Text), " "+word...)
			r.TextLen = len(r.Text)
		}
	}
	return c
}
