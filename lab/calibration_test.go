// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"strings"
	"testing"
	"time"

	"lastpage/capture/pattern"
	"lastpage/capture/stress"
	"lastpage/dut"
	"lastpage/harness"
	"lastpage/lab/kind"
)

// good is a bench whose board opens.
type good struct{ bad }

func (g *good) Open(context.Context, *harness.Order) (*dut.Board, error) {
	return dut.New(dut.Board{Audit: func() dut.Audit { return dut.Audit{Void: []string{}} }}, func() error { return nil }), nil
}

// kept keeps a calibration of board b that lost bytes.
func kept(t *testing.T, line kind.Line, lost int64) {
	t.Helper()
	c := &Calibration{Schema: CalibrationSchema, Board: "b", Line: line, When: time.Date(2026, 11, 26, 1, 2, 3, 0, time.UTC)}
	c.FromBoard = &stress.Line{Heard: &pattern.Result{End: 115200, Matched: 115200 - lost, Lost: lost, Faults: []pattern.Fault{}}}
	c.Calibration.Faults = []string{}
	if lost > 0 {
		c.Calibration.Faults = []string{"of 115200 bytes from the board 3 were lost"}
	}
	if err := c.save(); err != nil {
		t.Fatal(err)
	}
}

// Every trial refers to the last calibration of its line. A line that loses bytes makes it void, until it is found whole.
func TestTrialsReferToTheCalibration(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	here := kind.Line{Console: "rfc2217://x:1", Baud: 115200}
	b := &leased{Bench: &good{}, board: "b", line: here}
	defer b.Rest()
	open := func() (string, dut.Audit) {
		t.Helper()
		board, err := b.Open(t.Context(), &harness.Order{})
		if err != nil {
			t.Fatal(err)
		}
		defer board.Close()
		return board.Facts["calibration"], board.Audit()
	}
	says, a := open()
	if !strings.Contains(says, "lastpage boards check b makes one") || len(a.Void) > 0 {
		t.Errorf("without one: %q, %+v", says, a)
	}
	kept(t, here, 3)
	says, a = open()
	if !strings.Contains(says, "2026-11-26T01:02:03Z") || !strings.Contains(says, "115200 bytes 3 lost") || a.Figures["calibration_lost"] != 3 || a.Figures["calibration_bytes"] != 115200 {
		t.Errorf("%q, %+v", says, a)
	}
	if len(a.Void) != 1 || !strings.Contains(a.Void[0], "3 were lost") || !strings.Contains(a.Void[0], "lastpage boards check b must pass") {
		t.Errorf("void: %q", a.Void)
	}
	b.line.Baud = 9600 // another line: nothing is known of it
	if says, a = open(); !strings.Contains(says, "none of this line") || len(a.Void) > 0 {
		t.Errorf("at another rate: %q, %+v", says, a)
	}
	b.line = here
	kept(t, here, 0)
	if says, a = open(); !strings.Contains(says, "115200 bytes 0 lost") || len(a.Void) > 0 {
		t.Errorf("cured: %q, %+v", says, a)
	}
}
