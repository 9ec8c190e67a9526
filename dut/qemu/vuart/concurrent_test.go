// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	"slices"
	"testing"
)

func TestMiscalibrated(t *testing.T) {
	log := "[    0.000000] tsc: Fast TSC calibration failed\r\n[    0.000000] tsc: Detected 2445.406 MHz processor\r\n" +
		"[    1.2] clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable because the skew is too large:\r\n" +
		"[    1.3] tsc: Refined TSC clocksource calibration: 2445.400 MHz\r\n"
	want := []string{"[    0.000000] tsc: Fast TSC calibration failed",
		"[    1.2] clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable because the skew is too large:"}
	if got := Miscalibrated([]byte(log)); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := Miscalibrated([]byte("[    0.000000] tsc: Fast TSC calibration using PIT\n")); got != nil {
		t.Errorf("a good log: %q", got)
	}
}

// TestVoid: what must not be charged to the guest.
func TestVoid(t *testing.T) {
	exact := Stats{ICountNS: 16, Counts: Counts{Writes: 10, Wire: 10}}
	for _, c := range []struct {
		name   string
		change func(*Stats)
		void   bool
	}{
		{"all on the wire", func(*Stats) {}, false},
		{"some still inside", func(s *Stats) { s.Wire, s.Inside = 7, 3 }, false},
		{"cut, flushed and looped", func(s *Stats) { s.Wire, s.Cut, s.Flushed, s.Looped = 4, 1, 2, 3 }, false},
		{"one too many for the FIFO, exact: the guest's own doing", func(s *Stats) { s.Wire, s.Overwritten = 9, 1 }, false},
		{"the same, concurrent", func(s *Stats) { s.Wire, s.Overwritten, s.ICountNS = 9, 1, 0 }, true},
		{"one is missing", func(s *Stats) { s.Wire = 9 }, true},
		{"harness behind", func(s *Stats) { s.RecsLost = 1 }, true},
		{"events lost", func(s *Stats) { s.EventsLost = 1 }, true},
		{"answers lost", func(s *Stats) { s.AnswersLost = 1 }, true},
		{"clock ran back", func(s *Stats) { s.ClockBack = 1 }, true},
		{"timer late by an instruction", func(s *Stats) { s.LateMaxNS = 16 }, true},
		{"timer late by less", func(s *Stats) { s.LateMaxNS = 15 }, false},
		{"timer late in concurrent mode", func(s *Stats) { s.LateMaxNS, s.ICountNS = 1000000, 0 }, false},
		{"a turn of another CPU in the middle of a record", func(s *Stats) { s.FrameNS, s.Turns = 86805, TurnCounts{Fair: 1, WaitNS: 60000} }, false},
		{"a wait for a turn of more than a frame", func(s *Stats) { s.FrameNS, s.Turns = 86805, TurnCounts{Fair: 1, WaitNS: 100001, WaitByte: 7} }, true},
		{"the same on a slow line", func(s *Stats) { s.FrameNS, s.Turns = 1041666, TurnCounts{Fair: 1, WaitNS: 100001} }, false},
		{"two CPUs whose turns cannot be made fair", func(s *Stats) { s.CPUs, s.State = 2, Ran }, true},
		{"one CPU has nobody to wait for", func(s *Stats) { s.CPUs, s.State = 1, Ran }, false},
		{"two CPUs in concurrent mode take no turns", func(s *Stats) { s.CPUs, s.State, s.ICountNS = 2, Ran, 0 }, false},
		{"error", func(s *Stats) { s.Error = "this machine takes no NMI" }, true},
	} {
		s := exact
		c.change(&s)
		if got := s.Void(); (len(got) > 0) != c.void {
			t.Errorf("%s: void %q", c.name, got)
		}
	}
}
