// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"lastpage/dut/bench"
	"lastpage/lab/kind"
)

// switched is an entry whose board counts how often it was switched off.
type switched struct {
	kind.Entry
	offs int
	err  error
}

func (s *switched) Line() kind.Line { return kind.Line{} }
func (s *switched) Check(context.Context, string, kind.Kernel, time.Duration, func(kind.Finding)) (*bench.Calibration, error) {
	return nil, nil
}
func (s *switched) Off(context.Context, string) error {
	s.offs++
	return s.err
}

// Everything in this process shares a board; the last one that lets go of it switches it off. That it stays on is said.
func TestHold(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	e := &switched{}
	b := &Board{Name: "b", Entry: e}
	one, err := b.Hold(t.Context(), "a night", 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.Hold(t.Context(), "a check", 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "b", Wanted{Owner: "eve", Purpose: "x"}, `"a night"`)
	for range 2 { // the second time it has gone already
		if err := one.Release(); err != nil || e.offs != 0 {
			t.Fatalf("%v, switched off %d times", err, e.offs)
		}
	}
	e.err = errors.New("the switch is dead")
	if err := two.Release(); err == nil || !strings.Contains(err.Error(), "board b: it is left switched on: the switch is dead") || e.offs != 1 {
		t.Fatalf("%v, switched off %d times", err, e.offs)
	}
	free(t, "b")
}

// Who waits for a board is told once who has it, gets it when it is free, and stops waiting when his time is over or he is interrupted.
func TestHoldWaits(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	b := &Board{Name: "b", Entry: &switched{}}
	cmd, _ := other(t, "b")
	var held *HeldError
	if _, err := b.Hold(t.Context(), "x", 0, nil); !errors.As(err, &held) || held.By.Owner != "bob" {
		t.Fatalf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := b.Hold(ctx, "x", time.Hour, func(*HeldError) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	told := 0
	h, err := b.Hold(t.Context(), "x", time.Hour, func(held *HeldError) {
		told++
		if held.By.Purpose != "a night" {
			t.Errorf("told %v", held)
		}
		_ = cmd.Process.Kill()
	})
	if err != nil || told != 1 {
		t.Fatalf("%v, told %d times", err, told)
	}
	if err := h.Release(); err != nil {
		t.Fatal(err)
	}
	free(t, "b")
}
