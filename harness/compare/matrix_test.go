// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"fmt"
	"strings"
	"testing"

	"lastpage/dut/duttest"
	"lastpage/harness"
)

// A scenario that needs more CPUs than a board has is a cell with a reason, and a lab that fails ends the matrix without losing cells.
func TestMatrixEnds(t *testing.T) {
	var all []harness.Scenario
	for _, name := range []string{"flood", "panic"} {
		sc, err := harness.FindScenario(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sc)
	}
	o := MatrixOrder{Scenarios: all, Workers: 1, Out: open(t, MatrixName)}
	s := subjectOn(&scripted{change: func(s *duttest.Script) { s.Fail = map[duttest.Call]error{duttest.Open: fmt.Errorf("no power")} }})
	s.CPUs = 1
	m, err := ExecuteMatrix(t.Context(), o, []*harness.Subject{s}, nil)
	if err == nil || !strings.Contains(err.Error(), "s, panic: open board scripted: open: no power") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
	if c := m.Cell("s", "flood"); c == nil || !strings.Contains(c.Why, "it needs 2 CPUs") || c.Fault != Cannot || m.Cell("s", "panic") != nil || m.Status != harness.Unfinished {
		t.Errorf("%+v", m)
	}
}
