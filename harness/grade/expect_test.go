// SPDX-License-Identifier: Apache-2.0

package grade

import (
	"fmt"
	"strings"
	"testing"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/kernels/plan"
)

// trial makes a wire and a ring of lines "CALLER TEXT"; a line with a leading
// "-" is stored and not on the wire.
func trial(t *testing.T, lines string) Input {
	t.Helper()
	in := Input{Ring: &ring.Log{}, RunID: "0a1b2c3d", Loglevel: 7, WireFinished: true}
	l := wire.NewLog(wire.Virtual, wire.Frame{Baud: 115200, Bits: 10})
	now := int64(0)
	for i, s := range strings.Split(strings.TrimSpace(lines), "\n") {
		s, unsent := strings.CutPrefix(strings.TrimSpace(s), "-")
		caller, text, _ := strings.Cut(s, " ")
		r := ring.Record{Seq: uint64(i), TsNsec: uint64(1e9 + i*1000), Level: 4, State: ring.Finalized, Text: []byte(text), TextLen: len(text)}
		if _, err := fmt.Sscanf(caller[1:], "%d", &r.Caller); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if caller[0] == 'C' {
			r.Caller |= 1 << 31
		}
		in.Ring.Records = append(in.Ring.Records, r)
		if unsent {
			continue
		}
		for _, c := range ring.ConsoleText(&r, ring.ConsoleOpts{Time: true, CRLF: true}) {
			now += 86805
			if err := l.Append([]byte{c}, now); err != nil {
				t.Fatal(err)
			}
		}
	}
	l.Close(nil)
	in.Wire = l
	return in
}

func provoked(p plan.Provoke) Event {
	return Event{Code: plan.Provoked, Arg: uint32(plan.ProvokeArg(p))}
}

func sections(g *Grade) string {
	var s []string
	for _, n := range Names {
		x := g.Sections[n]
		if x.Fates.None() {
			continue
		}
		e := "?"
		if x.Expected != nil {
			e = fmt.Sprint(x.Expected.Records)
		}
		s = append(s, fmt.Sprintf("%s %s/%d/%d %s", n, e, x.Stored.Records, x.Wire.Records, x.ExpectedFrom))
	}
	return strings.Join(s, "; ")
}

func TestSections(t *testing.T) {
	b := func(n uint32) string {
		return "T9 " + string(plan.Record{RunID: "0a1b2c3d", Kind: 'b', CPU: 1, N: n, Len: 64}.Text()) + "\n"
	}
	warn := "T5 ------------[ cut here ]------------\nT5 lastpage 0a1b2c3d provoked warning\nT5 Call Trace:\n"
	end := "T5 ---[ end trace 0000000000000000 ]---\n"
	nmi := "C0 Uhhuh. NMI received for unknown reason 21 on CPU 0.\nC0 Kernel panic - not syncing: NMI: Not continuing\nC0 Call Trace:\n"
	over := "C0 ---[ end Kernel panic - not syncing: NMI: Not continuing ]---\n"
	own := "T1 ------------[ cut here ]------------\nT1 WARNING: CPU: 0 at drivers/x.c\nT1 ---[ end trace 0000000000000000 ]---\n"
	for _, tt := range []struct {
		name, lines string
		events      []Event
		ref         map[string]Count
		want        string
	}{
		{"boot only", "T0 Linux version 6.12\nT1 Run /init", []Event{{Code: plan.Armed}}, nil, "boot 2/2/2 complete"},
		{"all of it", "T0 Linux\n" + b(0) + b(1) + warn + end + nmi + over, []Event{{Code: plan.BacklogBegin, Arg: 2}}, nil,
			"boot 1/1/1 complete; backlog 2/2/2 complete; warn 4/4/4 complete; panic 4/4/4 complete"},
		{"a WARN of the kernel's own at boot", "T0 Linux\n" + own + b(0) + warn + end, nil, nil, "boot 4/4/4 complete; backlog ?/1/1 unknown; warn 4/4/4 complete"},
		{"the provoked one is named", "T0 Linux\n" + warn + end + own, nil, nil, "boot 1/1/1 complete; warn 4/4/4 complete; other ?/3/3 unknown"},
		{"no WARN was provoked", "T0 Linux\n" + own + nmi + over, []Event{provoked(plan.ProvokePanic)}, nil, "boot 4/4/4 complete; panic 4/4/4 complete"},
		{"interrupted after a line", "T0 Linux\n" + b(0) + "T5 ------------[ cut here ]------------\n" + nmi, nil, map[string]Count{Warn: {4, 200}},
			"boot 1/1/1 complete; backlog ?/1/1 unknown; warn 4/1/1 reference; panic ?/3/3 unknown"},
		{"another CPU inside", "T0 Linux\n" + warn + "C1 hello\n" + end, nil, nil, "boot 1/1/1 complete; warn 4/4/4 complete; other ?/1/1 unknown"},
		{"the WARN goes on while another CPU panics", "T0 Linux\n" + warn + nmi + end + over, nil, nil,
			"boot 1/1/1 complete; warn 4/4/4 complete; panic 4/4/4 complete"},
		{"NMI on the CPU of a WARN in an interrupt", "T0 Linux\n" + strings.ReplaceAll(warn, "T5", "C0") + nmi, nil, nil,
			"boot 1/1/1 complete; warn ?/3/3 unknown; panic ?/3/3 unknown"},
		{"an NMI that was survived", "T0 Linux\nC0 Uhhuh. NMI received for unknown reason 21 on CPU 0.\nC0 Dazed and confused, but trying to continue\n", []Event{{Code: plan.Armed}}, nil,
			"boot 3/3/3 complete"},
		{"an NMI that died at once", "T0 Linux\n" + warn + "C0 Uhhuh. NMI received for unknown reason 21 on CPU 0.\n", nil, nil,
			"boot 1/1/1 complete; warn ?/3/3 unknown; panic ?/1/1 unknown"},
		{"a panic made to die", "T0 Linux\n" + nmi + "-C0 last words", []Event{{Code: plan.Die, Arg: 1}}, map[string]Count{Panic: {9, 500}},
			"boot 1/1/1 complete; panic 4/4/3 death"},
		{"a backlog of which the end is missing", "T0 Linux\n" + b(0) + b(1), []Event{{Code: plan.BacklogBegin, Arg: 5}}, nil,
			"boot 1/1/1 complete; backlog 5/2/2 plan"},
		{"an oops", "T0 Linux\nT5 BUG: kernel NULL pointer dereference, address: 0000000000000000\nT5 Oops: Oops: 0000 [#1] SMP\n" + end, nil, nil,
			"boot 1/1/1 complete; warn 3/3/3 complete"},
		{"an oops that handed over to a crash kernel", "T0 Linux\nT5 BUG: kernel NULL pointer dereference, address: 0000000000000000\n-T5 CR2: 0",
			[]Event{provoked(plan.ProvokeOops), {Code: plan.CrashExec}}, nil, "boot 1/1/1 complete; warn 2/2/1 death"},
		{"an oops that was cut off", "T0 Linux\nT5 BUG: kernel NULL pointer dereference, address: 0000000000000000\nT5 CR2: 0",
			[]Event{provoked(plan.ProvokeOops)}, nil, "boot 1/1/1 complete; warn ?/2/2 unknown"},
		{"a soft lockup", "T0 Linux\nC0 watchdog: BUG: soft lockup - CPU#0 stuck for 2s! [x:1]\nC0  </TASK>",
			[]Event{provoked(plan.ProvokeSoftlockup), {Code: plan.ProvokeDone}}, nil, "boot 1/1/1 complete; warn 2/2/2 complete"},
		{"a soft lockup that did not end", "T0 Linux\nC0 watchdog: BUG: soft lockup - CPU#0 stuck for 2s! [x:1]\nC0  </TASK>",
			[]Event{provoked(plan.ProvokeSoftlockup)}, nil, "boot 1/1/1 complete; warn ?/2/2 unknown"},
	} {
		in := trial(t, tt.lines)
		in.Events, in.Reference = tt.events, tt.ref
		if got := sections(Make(in)); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestPending(t *testing.T) {
	in := trial(t, "T0 Linux\nT9 one\nT9 two\nT5 ------------[ cut here ]------------\nT5 ---[ end trace 0000000000000000 ]---\nC0 Kernel panic - not syncing: x")
	size := int64(len("[    1.000000] one\r\n"))
	first := int64(len("[    1.000000] Linux\r\n"))
	in.Events = []Event{{Code: plan.Provoked, Arg: uint32(plan.ProvokeArg(plan.ProvokeWarn)), WireByte: first + 5}}
	in.Inject = &Point{WireByte: first + 2*size}
	g := Make(in)
	if p := g.PendingAtProvoke; p == nil || *p != (Count{2, 2*size - 5}) {
		t.Errorf("at the provocation %+v", p)
	}
	cut := int64(len("[    1.000000] ------------[ cut here ]------------\r\n") + len("[    1.000000] ---[ end trace 0000000000000000 ]---\r\n"))
	if p := g.PendingAtInject; p == nil || *p != (Count{2, cut}) {
		t.Errorf("at the injection %+v, want 2 records, %d bytes", p, cut)
	}
	in.Ring = nil
	if g := Make(in); g.PendingAtProvoke != nil || g.Ring != nil {
		t.Errorf("pending without a ring: %+v", g.PendingAtProvoke)
	}
}

func TestVoid(t *testing.T) {
	base := "T0 Linux\nT5 ------------[ cut here ]------------\nT5 ---[ end trace 0000000000000000 ]---"
	for _, tt := range []struct {
		name   string
		change func(in *Input)
		want   string
	}{
		{"unfinished", func(in *Input) { in.WireFinished = false }, "unfinished"},
		{"from outside", func(in *Input) { in.Void = []string{"overrun 3"} }, "overrun 3"},
		{"another run", func(in *Input) {
			r := plan.Record{RunID: "deadbeef", Kind: 'b', Len: 64}.Text()
			in.Ring.Records[0].Text, in.Ring.Records[0].TextLen = r, len(r)
		}, "another run than 0a1b2c3d"},
	} {
		in := trial(t, base)
		tt.change(&in)
		g := Make(in)
		if len(g.Void) == 0 || !strings.Contains(strings.Join(g.Void, "|"), tt.want) || g.Letter != "" {
			t.Errorf("%s: %q, letter %q", tt.name, g.Void, g.Letter)
		}
	}
	if g := Make(trial(t, base)); len(g.Void) != 0 || g.Letter != "A" {
		t.Errorf("%q, %q", g.Void, g.Letter)
	}
}

// A system that was there before may be the same kernel: its lines are nobody's, though they are nearly this one's.
func TestAnotherSystemBefore(t *testing.T) {
	in := trial(t, "T0 Linux version 6.12.117 of the installed system and of the trial\nT5 ------------[ cut here ]------------\nT5 ---[ end trace 0000000000000000 ]---")
	own := in.Wire.Bytes(0, in.Wire.Len())
	before := append(append([]byte{}, own[:40]...), own[44:]...)
	l := wire.NewLog(wire.Virtual, in.Wire.Frame())
	for i, c := range append(append([]byte{}, before...), own...) {
		if err := l.Append([]byte{c}, int64(i+1)*86805); err != nil {
			t.Fatal(err)
		}
	}
	l.Close(nil)
	in.Wire = l
	first := func(g *Grade) int64 {
		n := in.Wire.Len()
		for _, x := range g.Sections {
			if x.FirstByte != nil {
				n = min(n, *x.FirstByte)
			}
		}
		return n
	}
	begin := int64(len(before))
	if n := first(Make(in)); n >= begin {
		t.Errorf("taken for one kernel's, a section begins at byte %d: the lines before are no other's", n)
	}
	in.WireBegin = &begin
	g := Make(in)
	if n := first(g); n < begin || len(g.Void) > 0 || g.Letter != "A" {
		t.Errorf("from byte %d on, void %q, letter %q: %s", n, g.Void, g.Letter, sections(g))
	}
}
