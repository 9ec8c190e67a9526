// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestDefaultRoundTrip(t *testing.T) {
	for _, smp := range []int{1, 2, 4} {
		p := Default("0123abcd", smp)
		data, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(bytes.NewReader(data))
		if err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("smp %d: %+v, %v", smp, got, err)
		}
		if err := got.CheckCPUs(smp); err != nil {
			t.Errorf("smp %d: %v", smp, err)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		change func(*Plan)
		want   string // "" = valid
	}{
		{func(p *Plan) {}, ""},
		{func(p *Plan) { p.Schema = 2 }, "schema 2"},
		{func(p *Plan) { p.RunID = "0123ABCD" }, "run_id"},
		{func(p *Plan) { p.RunID = "0123abc" }, "run_id"},
		{func(p *Plan) { p.ConsoleLoglevel = 0 }, "console_loglevel 0"},
		{func(p *Plan) { p.Backlog = MaxBacklog + 1 }, "backlog"},
		{func(p *Plan) { p.RecordLen = MinRecordLen - 1 }, "record_len"},
		{func(p *Plan) { p.RecordLen = MaxRecordLen + 1 }, "record_len"},
		{func(p *Plan) { p.ProvokeCPU = -1 }, "provoke_cpu -1"},
		{func(p *Plan) { p.Provoke = "shout" }, `provoke "shout"`},
		{func(p *Plan) { p.Context = "" }, `context ""`},
		{func(p *Plan) { p.DieAt = StepEnd }, `die_how ""`},
		{func(p *Plan) { p.DieHow = DeathHang }, "without die_at"},
		{func(p *Plan) { p.DieAt, p.DieHow = StepCrashExec, DeathTriple }, ""},
		{func(p *Plan) { p.Provoke = ProvokeSoftlockup; p.Context = ContextIRQ }, "soft lockup"},
		{func(p *Plan) { p.Nested = NestedPanicOther }, "second panic"},
		{func(p *Plan) { p.Nested, p.Provoke = NestedPanicOther, ProvokePanic }, ""},
		{func(p *Plan) { p.Symbols = []string{"a b"} }, "no symbol name"},
		{func(p *Plan) { p.Symbols = []string{"panic", "prb_commit.cold"} }, ""},
	} {
		p := Default("0123abcd", 2)
		c.change(p)
		err := p.Validate()
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%+v: %v", p, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

func TestParseIsStrict(t *testing.T) {
	data, err := Default("0123abcd", 2).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, want string }{
		{strings.Replace(string(data), `"backlog"`, `"backlogg"`, 1), "backlogg"},
		{string(data) + "{}", "follows"},
		{strings.Replace(string(data), `600`, `"600"`, 1), "backlog"},
		{string(data[:len(data)/2]), "read plan"},
		{strings.Repeat(" ", MaxPlanBytes) + string(data), "more than"},
	} {
		if _, err := Parse(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

func TestCheckCPUs(t *testing.T) {
	p := Default("0123abcd", 2)
	if p.CheckCPUs(1) == nil {
		t.Error("backlog on CPU 1 of a machine with one")
	}
	p = Default("0123abcd", 1)
	p.FloodUS = 1000
	if p.CheckCPUs(1) == nil {
		t.Error("a flood from other CPUs on a machine with one")
	}
}

func TestWord(t *testing.T) {
	if w := Word(BacklogStored, 600); w != 3|600<<8 {
		t.Errorf("%#x", w)
	}
	if c, a := Split(Word(Die, 0xffffff)); c != Die || a != 0xffffff {
		t.Error(c, a)
	}
	if Armed.String() != "armed" || Code(0).String() != "code-0" || Code(200).String() != "code-200" {
		t.Error("names")
	}
}

func TestRecord(t *testing.T) {
	r := Record{RunID: "0123abcd", Kind: KindBacklog, CPU: 1, N: 599, Len: 80}
	// as a Debian 6.12 kernel sent it
	const wire = "lastpage 0123abcd b 1 599 80 hijklmnopqrstuvwxyzabcdefghijklmnopqrstuvw c6a0a1cc"
	if got := string(r.Text()); got != wire {
		t.Errorf("%q", got)
	}
	got, err := ParseRecord([]byte(wire))
	if err != nil || got != r {
		t.Errorf("%+v, %v", got, err)
	}
	for _, c := range []struct {
		text string
		want error
	}{
		{wire[:79], ErrDamaged},
		{wire + " ", ErrDamaged},
		{strings.Replace(wire, "hij", "hji", 1), ErrDamaged},
		{strings.Replace(wire, " 599 ", " 598 ", 1), ErrDamaged},
		{strings.Replace(wire, " 599 ", " 0599 ", 1), ErrDamaged},
		{strings.Replace(wire, " b ", " x ", 1), ErrDamaged},
		{"lastpage", ErrNotRecord},
		{"lastpage 0123abcd provoked warning", ErrDamaged},
		{"", ErrNotRecord},
		{"last", ErrNotRecord},
	} {
		if _, err := ParseRecord([]byte(c.text)); !errors.Is(err, c.want) {
			t.Errorf("%q: %v, want %v", c.text, err, c.want)
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add(Record{RunID: "0123abcd", Kind: KindBacklog, CPU: 1, N: 599, Len: 80}.Text())
	f.Add(Record{RunID: "00000000", Kind: KindFlood, CPU: 63, N: 1<<32 - 1, Len: MinRecordLen}.Text())
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ParseRecord(text)
		switch {
		case err == nil:
			if !bytes.Equal(r.Text(), text) {
				t.Errorf("%q read as %+v, which is %q", text, r, r.Text())
			}
		case !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNotRecord):
			t.Errorf("%q: %v", text, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	data, err := Default("0123abcd", 2).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse(bytes.NewReader(text))
		if err != nil {
			return
		}
		again, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if q, err := Parse(bytes.NewReader(again)); err != nil || !reflect.DeepEqual(p, q) {
			t.Errorf("%+v, written and read: %+v, %v", p, q, err)
		}
	})
}

func FuzzParseMessage(f *testing.F) {
	f.Add([]byte(`{"event":"armed","cpus":2,"symbols":{"panic":"ffffffff81000000"}}` + "\n"))
	f.Add([]byte(`{"event":"kmsg","line":"6,1,2,-;text\n SUBSYSTEM=pci\n"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if m, err := ParseMessage(line); err == nil && m.Event == "" {
			t.Errorf("%q: no event", line)
		}
	})
}
