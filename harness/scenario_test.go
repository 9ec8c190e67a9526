// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"slices"
	"strings"
	"testing"

	"lastpage/dut"
	"lastpage/kernels/plan"
)

// Every scenario makes a valid plan and triggers that a board accepts, with and without its interruption, and always has an end.
func TestScenarios(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Scenarios() {
		if seen[s.Name] || s.About == "" {
			t.Errorf("%s: named twice, or says nothing", s.Name)
		}
		seen[s.Name] = true
		for _, cpus := range []int{1, 2, 4} {
			if cpus < s.CPUs {
				if _, err := s.plan("0123abcd", cpus, false, nil); err == nil {
					t.Errorf("%s: plays on %d CPUs, says it needs %d", s.Name, cpus, s.CPUs)
				}
				continue
			}
			for _, reference := range []bool{false, true} {
				p, err := s.plan("0123abcd", cpus, reference, nil)
				if err != nil {
					t.Errorf("%s, %d CPUs: %v", s.Name, cpus, err)
					continue
				}
				var in *Inject
				if s.Interrupted && !reference {
					in = &Inject{At: "byte", N: 5}
				}
				ts, err := s.triggers(p, in, -1, map[string]uint64{s.Before: 0xffffffff81000000}, 86805)
				if err != nil {
					t.Errorf("%s: %v", s.Name, err)
					continue
				}
				if _, err := dut.Order(ts); err != nil {
					t.Errorf("%s: %v", s.Name, err)
				}
				if len(ts) > 16 { // of the UART model (dut/qemu/vuart)
					t.Errorf("%s: %d triggers", s.Name, len(ts))
				}
				stops := slices.ContainsFunc(ts, func(x dut.Trigger) bool {
					return x.Do == dut.Stop && x.Name != trigTooLong && x.Name != trigSilent || x.Do == dut.PowerCut
				})
				if !stops {
					t.Errorf("%s (reference %v): only time ends it", s.Name, reference)
				}
			}
		}
	}
}

func TestFindScenario(t *testing.T) {
	s, err := FindScenario("panic-dies-in:kmsg-dump")
	if err != nil || s.Name != "panic-dies-in:kmsg-dump:hang" {
		t.Errorf("%q, %v", s.Name, err)
	}
	p, err := s.plan("0123abcd", 2, false, nil)
	if err != nil || p.DieAt != plan.StepKmsgDump || p.DieHow != plan.DeathHang {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err = s.plan("0123abcd", 2, true, nil); err != nil || p.DieAt != plan.StepNone {
		t.Errorf("the reference dies too: %+v, %v", p, err)
	}
	if _, err := FindScenario("panic-dies-in:bed"); err == nil || !strings.Contains(err.Error(), "warn-nmi-panic") {
		t.Errorf("unknown: %v", err)
	}
}

func TestInjectRoundTrip(t *testing.T) {
	for _, text := range []string{"share:50%", "byte:12000", "time:2s", "pattern:cut here", "symbol:vpanic,2"} {
		in, err := ParseInject(text)
		if err != nil || in.String() != text {
			t.Errorf("%q: %q, %v", text, in.String(), err)
		}
	}
	for _, text := range []string{"", "byte", "byte:0", "byte:x", "share:101", "time:-1s", "symbol:a,0", "moon:full"} {
		if _, err := ParseInject(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}
