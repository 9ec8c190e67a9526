// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/dut/duttest"
	"lastpage/harness"
)

// scripted is a bench whose machines follow a script.
type scripted struct {
	inline bool
	in     func(course int) bool // in place of inline
	cannot error
	change func(*duttest.Script)

	mu     sync.Mutex
	opened int
	after  int // cancel is called when so many boards were opened
	cancel func()
}

func (b *scripted) Can(*harness.Order) error { return b.cannot }

func (b *scripted) Open(ctx context.Context, o *harness.Order) (*dut.Board, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.opened++; b.cancel != nil && b.opened > b.after {
		b.cancel()
	}
	inline := b.inline
	if b.in != nil {
		inline = b.in(o.Course.N)
	}
	s := duttest.Kernel(o.Plan, inline)
	if b.change != nil {
		b.change(s)
	}
	return s.Open(ctx)
}

func (b *scripted) Rest() {}

func subjectOn(b harness.Bench) *harness.Subject {
	return &harness.Subject{Strategy: "s", Board: "scripted", Mode: "script", CPUs: 2, Cmdline: "console=ttyS0", Frame: wire.Frame{Baud: 115200, Bits: 10}, Bench: b}
}

func open(t *testing.T, file string) *Folder {
	t.Helper()
	f, err := OpenFolder(filepath.Join(t.TempDir(), "out"), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func small(t *testing.T, scenario string, injects ...harness.Inject) harness.Series {
	t.Helper()
	sc, err := harness.FindScenario(scenario)
	if err != nil {
		t.Fatal(err)
	}
	return harness.Series{Scenario: sc, Shape: &harness.Shape{Backlog: 5, RecordLen: 60}, Injects: injects}
}
