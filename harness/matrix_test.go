package harness

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// A matrix survives a mail whatever its names and figures, has a cell for everything, and can be read back to go on.
func TestMatrixText(t *testing.T) {
	for _, n := range []int{2, 33} {
		dir := t.TempDir()
		m := &Matrix{Schema: MatrixSchema, Board: "qemu", Baud: 115200, Backlog: 600, RecordLen: 80, dir: dir}
		for i := range n {
			m.Strategies = append(m.Strategies, Column{Name: fmt.Sprintf("explicit+printk.flush_points=%d", i), Release: "7.3.4+deb13-cloud-amd64", Console: "nbcon",
				CPUs: 2, Mode: "concurrent"})
		}
		for _, s := range Scenarios() {
			m.Scenarios = append(m.Scenarios, s.Name)
		}
		whole := &grade.Section{Expected: &grade.Count{Records: 18, Bytes: 1000}, Stored: &grade.Count{Records: 18, Bytes: 1000}, Wire: &grade.Count{Records: 18, Bytes: 999}}
		g := &grade.Grade{Sections: map[string]*grade.Section{grade.Backlog: whole, grade.Warn: {Wire: &grade.Count{}}, grade.Panic: whole},
			Delays: []grade.Delay{{From: "panic-call", To: "crash-exec", NS: 4_869_703_000, Bytes: 55734}}}
		for _, c := range m.Strategies[1:] {
			for _, sc := range m.Scenarios {
				words := &Words{LastWire: strings.Repeat("long ", 30), Unsent: 581, Cut: 1, UnsentBefore: 581}
				m.Cells = append(m.Cells, &Cell{Strategy: c.Name, Scenario: sc, Trials: []*CellTrial{{Grade: g, Words: words}, {Grade: g, Words: &Words{}}}})
			}
		}
		if err := m.save(); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := m.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		for l := range strings.Lines(b.String()) {
			if len(strings.TrimRight(l, "\n")) > grade.Width {
				t.Errorf("%d columns: %q", len(l)-1, l)
			}
		}
		// 100 (34..100): two of two, by Wilson
		for _, want := range []string{"99/-/99", "0..582 (581)", "100 (34..100)", "4869.703", " . "} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%d strategies: no %q in\n%.3000s", n, want, b.String())
			}
		}
		again, err := loadMatrix(dir)
		if err != nil || len(again.Cells) != len(m.Cells) || again.Cell(m.Strategies[1].Name, "flood") == nil {
			t.Errorf("read back: %v", err)
		}
	}
}

// A scenario that needs more CPUs than a board has is a cell with a reason, and a lab that fails ends the matrix without losing cells.
func TestMatrixEnds(t *testing.T) {
	var all []Scenario
	for _, name := range []string{"flood", "panic"} {
		sc, err := FindScenario(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sc)
	}
	o := MatrixOrder{Scenarios: all, Workers: 1, Out: t.TempDir()}
	s := Subject{Strategy: "s", CPUs: 1, Mode: "exact", Frame: wire.Frame{Baud: 115200, Bits: 10},
		Open: func(context.Context, *plan.Plan, string) (*dut.Board, error) { return nil, fmt.Errorf("no power") }}
	m, err := ExecuteMatrix(t.Context(), o, []Subject{s}, nil)
	if err == nil || !strings.Contains(err.Error(), "s, panic: open board : no power") {
		t.Errorf("error %v", err)
	}
	if c := m.Cell("s", "flood"); c == nil || c.Why != "needs 2 CPUs" || m.Cell("s", "panic") != nil || m.Status != Unfinished {
		t.Errorf("%+v", m)
	}
}
