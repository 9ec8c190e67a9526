// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/grade"
)

// swept is a sweep of four points; the second is void.
func swept(strategy, status string) *compare.Sweep {
	sw := &compare.Sweep{Strategy: strategy, Status: status, Release: "7.3.4", Board: "qemu", Mode: "exact", CPUs: 2, Baud: 115200, Backlog: 10, Span: 1000, Wanted: 4,
		Expected: map[string]grade.Count{grade.Warn: {Records: 31}}, Voids: 1, WarnStored: &compare.Edge{Byte: 800, NS: 69e6}, WarnSent: &compare.Edge{Never: true}}
	for i, stored := range []int{3, 0, 3, 31} {
		p := &compare.Point{Byte: int64(i) * 300, Warn: compare.Stage{Stored: stored, Wire: stored / 2}, Backlog: compare.Stage{Wire: i}, Panic: compare.Stage{Stored: 20, Wire: 5 * i}}
		if i == 1 {
			p.Void = []string{"another course"}
		}
		sw.Points = append(sw.Points, p)
	}
	return sw
}

func listed(sweeps []*compare.Sweep, wanted ...string) string {
	var all []string
	for _, s := range picture(sweeps, wanted).Series {
		all = append(all, s.Name)
	}
	return strings.Join(all, "\n")
}

func TestPictureOfOne(t *testing.T) {
	p := picture([]*compare.Sweep{swept("inline", harness.Finished)}, []string{"inline"})
	if p.Unfinished != "" || p.Span != 1000 || len(p.Series) != 4 {
		t.Fatalf("%+v", p)
	}
	for i, want := range [][]float64{{300. / 31, 300. / 31, 100}, {100. / 31, 100. / 31, 1500. / 31}, {0, 20, 30}, {0, 50, 75}} {
		var got []float64
		for _, xy := range p.Series[i].Points {
			got = append(got, xy.Y)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v: the void point is left out", p.Series[i].Name, got, want)
		}
	}
	all := listed([]*compare.Sweep{swept("inline", harness.Finished)}, "inline")
	for _, want := range []string{"inline: WARN stored, whole from byte 800, 69.0 ms", "inline: WARN on the wire, at no point whole"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
}

// Several strategies are one picture, and what is not finished is in it.
func TestPictureOfSeveral(t *testing.T) {
	stopped := swept("deferred", "unfinished")
	stopped.Points, stopped.WarnStored = stopped.Points[:3], nil
	sweeps, wanted := []*compare.Sweep{swept("inline", harness.Finished), stopped}, []string{"inline", "deferred", "explicit"}
	p := picture(sweeps, wanted)
	if want := "deferred has 3 of 4 points; explicit not begun"; p.Unfinished != want {
		t.Errorf("unfinished: %q, want %q", p.Unfinished, want)
	}
	if len(p.Series) != 4 || p.Series[0].Group == p.Series[2].Group || p.Series[2].Group != p.Series[3].Group {
		t.Errorf("%+v", p.Series)
	}
	if !strings.Contains(listed(sweeps, wanted...), "deferred: WARN stored, whole from ?") {
		t.Error("an edge that is not known is not ?")
	}
	dir := t.TempDir()
	if err := drawSweeps(sweeps, wanted, dir); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(filepath.Join(dir, "sweep.svg"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(svg), "UNFINISHED: "+p.Unfinished) {
		t.Error("the SVG does not say that it is unfinished")
	}
	if png, err := os.ReadFile(filepath.Join(dir, "sweep.png")); err != nil || !strings.HasPrefix(string(png), "\x89PNG") {
		t.Errorf("sweep.png: %v", err)
	}
}
