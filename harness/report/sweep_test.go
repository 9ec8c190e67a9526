// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"testing"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/grade"
)

func warnPoint(at int64, stored, wire int) *compare.Point {
	return &compare.Point{Byte: at, NS: at, Warn: compare.Stage{Stored: stored, Wire: wire}}
}

// Of a curve with many steps some are left out of the text, but never the stretch in which most points lie.
func TestSweepTextKeepsLongStretches(t *testing.T) {
	sw := &compare.Sweep{Strategy: "kthread-only", Release: "6.12.117+deb12-amd64", Console: "legacy", CPUs: 2, Baud: 115200, Mode: "exact+ff+snapshot", Span: 58053,
		SpanNS: 5e9, Scenario: "warn-nmi-panic", Backlog: 600, RecordLen: 80, Wanted: 300, Status: harness.Finished, By: compare.ByByte, Expected: map[string]grade.Count{grade.Warn: {Records: 500}}}
	for i := range int64(100) {
		sw.Points = append(sw.Points, warnPoint(i+1, int(i), int(i)))
	}
	for i := range int64(200) {
		sw.Points = append(sw.Points, warnPoint(101+i, 101, 101))
	}
	for i := range int64(100) {
		sw.Points = append(sw.Points, warnPoint(301+i, 200+int(i), 200+int(i)))
	}
	sw.WarnStored = &compare.Edge{Byte: 56845, NS: 5000900700, NotAt: new(int64)}
	*sw.WarnStored.NotAt = 5000900000
	sw.WarnSent = sw.WarnStored
	var b strings.Builder
	if err := Sweep(&b, sw); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if len(line) > Width+1 {
			t.Errorf("%d columns: %q", len(line)-1, line)
		}
	}
	if text := b.String(); !strings.Contains(text, "    200\n") || !strings.Contains(text, "rows are") || strings.Count(text, "\n") > maxStretches+15 {
		t.Errorf("%d lines:\n%s", strings.Count(text, "\n"), text)
	}
}
