// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	"slices"
	"testing"
	"time"
)

// arm sets the table as the harness does: while the VM stands.
func (d *driver) arm(ns int64, ts ...Trigger) {
	d.t.Helper()
	d.do(op{Op: opRun, Val: 0, NS: ns})
	if err := d.page.SetTriggers(ts); err != nil {
		d.t.Fatal(err)
	}
	d.do(op{Op: opRun, Val: 1, NS: ns})
}

func actions(rs []result) []result {
	return slices.DeleteFunc(rs, func(r result) bool { return r.What == gotValue || r.What == gotIRQ })
}

func TestTriggers(t *testing.T) {
	at := func(what uint8, ns int64) []result { return []result{{What: what, NS: ns}} }
	for _, c := range []struct {
		name string
		ts   []Trigger
		want []result
	}{
		{"byte", []Trigger{{Kind: AtByte, N: 3, Action: NMI}}, at(gotNMI, 260417)},
		{"byte already gone", []Trigger{{Kind: AtByte, N: 0, Action: NMI}}, at(gotNMI, 0)},
		{"byte that never comes", []Trigger{{Kind: AtByte, N: 9, Action: NMI}}, nil},
		{"delay", []Trigger{{Kind: AtByte, N: 1, Action: Stop, Delay: 7 * time.Microsecond}}, at(gotStop, 86806+7000)},
		{"time", []Trigger{{Kind: AtTime, N: 123457, Action: DoReset}}, at(gotReset, 123457)},
		{"pattern", []Trigger{{Kind: AtPattern, Pattern: []byte("aab"), Action: NMI}}, at(gotNMI, 347223)},
		{"pattern with a border", []Trigger{{Kind: AtPattern, Pattern: []byte("aaab"), Action: NMI}}, at(gotNMI, 347223)},
		{"other pattern", []Trigger{{Kind: AtPattern, Pattern: []byte("ba"), Action: NMI}}, nil},
		{"quiet", []Trigger{{Kind: AtQuiet, N: 5 * ms, Action: Stop}}, at(gotStop, 520834+5*ms)},
		{"event", []Trigger{{Kind: AtEvent, Code: 7, N: 2, Action: NMI}}, at(gotNMI, 2*ms)},
		{"chain", []Trigger{
			{Kind: AtPattern, Pattern: []byte("aa"), Action: None},
			{Kind: AtByte, N: 2, Relative: true, After: 1, Action: NMI},
			{Kind: AtTime, N: 1 * ms, Relative: true, After: 2, Action: Stop},
		}, []result{{What: gotNMI, NS: 347223}, {What: gotStop, NS: 347223 + 1*ms}}},
		{"absolute count, armed later", []Trigger{
			{Kind: AtByte, N: 5},
			{Kind: AtByte, N: 2, After: 1, Action: NMI},
		}, at(gotNMI, 434028)},
		{"quiet does not count what was before it was armed", []Trigger{
			{Kind: AtTime, N: 10 * ms},
			{Kind: AtQuiet, N: 3 * ms, After: 1, Action: Stop},
		}, at(gotStop, 13*ms)},
		{"later one first in the table", []Trigger{
			{Kind: AtByte, N: 1, Relative: true, After: 2, Action: NMI},
			{Kind: AtByte, N: 1},
		}, at(gotNMI, 173612)},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDriver(t, small())
			d.program(1, 3, 1, 0)
			d.arm(0, c.ts...)
			var rs []result
			for _, b := range []byte("aaabcc") {
				rs = append(rs, d.write(0, rData, b)...)
			}
			rs = append(rs, d.do(op{Op: opDoorbell, Arg: 7, NS: 1 * ms}, op{Op: opDoorbell, Arg: 6, NS: 1500 * us},
				op{Op: opDoorbell, Arg: 7 | 99<<8, NS: 2 * ms}, op{Op: opUntil, NS: 1 * s})...)
			// A trigger that is met at once acts while the table is loaded, before the first write.
			if c.name == "byte already gone" {
				if f := d.page.Firings(1)[0]; !f.Acted || f.ActedNS != 0 {
					t.Errorf("%+v", f)
				}
				return
			}
			if got := actions(rs); !slices.Equal(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestTriggerSends: BREAK and a key, one frame behind the other, from the moment on at which the condition is met.
func TestTriggerSends(t *testing.T) {
	d := newDriver(t, small())
	d.program(1, 3, 1, 0)
	d.arm(0, Trigger{Kind: AtTime, N: 1 * ms, Action: Send, RX: []Key{{Flags: RXBreak}, {Byte: 'h'}}, Break: 300 * time.Microsecond})
	for _, c := range []struct {
		ns   int64
		reg  uint8
		want uint8
	}{
		{1*ms + 86805, rLSR, 0x60}, {1*ms + 86806, rLSR, 0xf9}, {1*ms + 86807, rData, 0},
		{1*ms + 386805, rLSR, 0x60}, {1*ms + 386806, rLSR, 0x61}, {1*ms + 386807, rData, 'h'},
	} {
		if v := d.read(c.ns, c.reg); v != c.want {
			t.Errorf("%d ns: register %d is %#x, want %#x", c.ns, c.reg, v, c.want)
		}
	}
}

// TestPowerCut: the frame in flight ends there, nothing follows, and all of it is accounted for.
func TestPowerCut(t *testing.T) {
	d := newDriver(t, small())
	d.program(1, 3, 1, 2)
	d.arm(0, Trigger{Kind: AtByte, N: 2, Action: PowerCut, Delay: 10 * time.Microsecond})
	d.send(0, "abcdef")
	rs := d.do(op{Op: opUntil, NS: 1 * s})
	if got := actions(rs); !slices.Equal(got, []result{{What: gotStop, NS: 173612 + 10*us}}) {
		t.Errorf("%+v", got)
	}
	d.send(1*s, "too late")
	if v := d.read(1*s, rLSR); v != 0xff {
		t.Errorf("LSR of a dead machine: %#x", v)
	}
	recs := d.recs()
	if wire(recs) != "ab" || len(recs) != 3 || recs[2].Flags != Cut || recs[2].EndNS != 173612+10*us {
		t.Errorf("%+v", recs)
	}
	if st := d.page.Stats(); st.State != PowerIsCut || st.Cut != 4 || len(st.Void()) != 0 {
		t.Errorf("%+v, void %v", st, st.Void())
	}
}

func TestSymbolTrigger(t *testing.T) {
	d := newDriver(t, small())
	d.arm(0, Trigger{Kind: AtEvent, Code: 1, N: 1}, Trigger{Kind: AtSymbol, VAddr: 0x1000, N: 2, Relative: true, After: 1, Action: NMI},
		Trigger{Kind: AtSymbol, VAddr: 0x1000, N: 3, Action: Stop})
	hit := func(ns int64) []op {
		return []op{{Op: opSymbol, Arg: 1, NS: ns}, {Op: opSymbol, Arg: 2, NS: ns}}
	}
	ops := slices.Concat(hit(1), hit(2), []op{{Op: opDoorbell, Arg: 1, NS: 3}}, hit(4), hit(5))
	if got, want := actions(d.do(ops...)), []result{{What: gotStop, NS: 4}, {What: gotNMI, NS: 5}}; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTriggerRefused(t *testing.T) {
	d := newDriver(t, small())
	for name, tr := range map[string]Trigger{
		"no kind": {}, "kind": {Kind: 99}, "action": {Kind: AtByte, Action: 99}, "after itself": {Kind: AtByte, After: 1},
		"after nobody": {Kind: AtByte, After: 7}, "no pattern": {Kind: AtPattern}, "long pattern": {Kind: AtPattern, Pattern: make([]byte, 65)},
		"nothing to send": {Kind: AtByte, Action: Send}, "much to send": {Kind: AtByte, RX: make([]Key, 33)}, "negative": {Kind: AtByte, N: -1},
	} {
		if err := d.page.SetTriggers([]Trigger{tr}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := d.page.SetTriggers(make([]Trigger, MaxTriggers+1)); err == nil {
		t.Error("too many: taken")
	}
}
