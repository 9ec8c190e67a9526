package harness

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lastpage/harness/grade"
)

// A sweep that was killed in the middle of writing a point keeps all others, and writes on behind them.
func TestPointsSurviveAKill(t *testing.T) {
	dir := t.TempDir()
	k, err := openPoints(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{30, 10, 20} {
		if _, err := k.add(&Point{Inject: byteInject(at).String(), Byte: at, NS: at}); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, pointsName)
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, st.Size()-4); err != nil {
		t.Fatal(err)
	}
	if k, err = openPoints(dir); err != nil {
		t.Fatal(err)
	}
	if !k.has(byteInject(30)) || !k.has(byteInject(10)) || k.has(byteInject(20)) {
		t.Errorf("after the kill: %v", k.done)
	}
	if n, err := k.add(&Point{Inject: byteInject(20).String(), Byte: 20, NS: 20}); err != nil || n != 3 {
		t.Errorf("%d points, %v", n, err)
	}
	if err := k.close(); err != nil {
		t.Fatal(err)
	}
	if k, err = openPoints(dir); err != nil {
		t.Fatal(err)
	}
	defer k.close()
	var at []int64
	for _, p := range k.sorted() {
		at = append(at, p.Byte)
	}
	if len(at) != 3 || at[0] != 10 || at[1] != 20 || at[2] != 30 {
		t.Errorf("points %v", at)
	}
}

func TestSweepMoments(t *testing.T) {
	sw := &Sweep{Span: 60000, SpanNS: 5e9}
	for _, by := range []string{ByByte, ByTime} {
		all, err := SweepOrder{By: by, Points: 1000}.moments(t.Context(), nil, sw)
		if err != nil || len(all) != 1000 {
			t.Fatalf("by %s: %d points, %v", by, len(all), err)
		}
		at := func(in Inject) int64 { return in.N + in.Time.Nanoseconds() }
		for i, in := range all[1:] {
			if at(in) <= at(all[i]) || in.folder() <= all[i].folder() {
				t.Fatalf("by %s: point %d at %s behind %s", by, i+1, in, all[i])
			}
		}
		if want := map[string]int64{ByByte: sw.Span, ByTime: sw.SpanNS}[by]; at(all[0]) != 1 || at(all[999]) != want {
			t.Errorf("by %s: from %s to %s", by, all[0], all[999])
		}
	}
	// Never more points than there are bytes.
	if all, err := (SweepOrder{By: ByByte, Points: 1000}).moments(t.Context(), nil, &Sweep{Span: 3}); err != nil || len(all) != 3 {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := (SweepOrder{By: "moon", Points: 1}).moments(t.Context(), nil, sw); err == nil {
		t.Error("spread by the moon")
	}
}

func warnPoint(at int64, stored, wire int, void ...string) *Point {
	return &Point{Inject: timeInject(at).String(), Byte: at, NS: at, Warn: Stage{stored, wire}, Void: void}
}

func TestSweepFinish(t *testing.T) {
	p := warnPoint
	for _, c := range []struct {
		name         string
		points       []*Point
		stored, sent int64 // 0: none
		not          int64 // the last point that has it not stored; 0: none
		voids        int
	}{
		{"rises", []*Point{p(1, 2, 2), p(2, 39, 2), p(3, 39, 39)}, 2, 3, 1, 0},
		{"never", []*Point{p(1, 2, 2), p(2, 15, 15)}, 0, 0, 0, 0},
		{"falls again", []*Point{p(1, 39, 39), p(2, 38, 38), p(3, 39, 39)}, 3, 3, 2, 0},
		{"void is no answer", []*Point{p(1, 39, 39), p(2, 0, 0, "overrun"), p(3, 39, 39)}, 1, 1, 0, 1},
		{"nothing", nil, 0, 0, 0, 0},
	} {
		sw := &Sweep{Points: c.points, Wanted: 3, Expected: map[string]grade.Count{grade.Warn: {Records: 39}}}
		sw.finish()
		at := func(e *Edge) (from, not int64) {
			if e == nil {
				return 0, 0
			}
			if e.NotAt != nil {
				not = *e.NotAt
			}
			return e.NS, not
		}
		from, not := at(sw.WarnStored)
		if wire, _ := at(sw.WarnSent); from != c.stored || not != c.not || wire != c.sent || sw.Voids != c.voids {
			t.Errorf("%s: stored from %d, not at %d, sent from %d, %d void", c.name, from, not, wire, sw.Voids)
		}
	}
}

// The edge of a step between two points is found to a microsecond, with few trials; a void one ends the search and is no edge.
func TestSweepEdges(t *testing.T) {
	for _, c := range []struct {
		step, void int64 // ns: from when on the WARN is whole; trials behind it and before step are void
		want       int64 // the edge is at most this far behind
	}{{4_321_987, 1 << 62, edgeNS}, {4_321_987, 4_000_000, 1_000_000}} {
		k, err := openPoints(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		sw := &Sweep{Expected: map[string]grade.Count{grade.Warn: {Records: 39}}}
		trials := 0
		one := func(_ context.Context, in Inject, _ bool) error {
			trials++
			p := warnPoint(in.Time.Nanoseconds(), 3, 3)
			if p.NS >= c.step {
				p = warnPoint(p.NS, 39, 39)
			} else if p.NS > c.void {
				p = warnPoint(p.NS, 0, 0, "overrun")
			}
			_, err := k.add(p)
			return err
		}
		if err := one(t.Context(), timeInject(18_000_000), false); err != nil {
			t.Fatal(err)
		}
		if err := (SweepOrder{}).edges(t.Context(), sw, k, one); err != nil {
			t.Fatal(err)
		}
		sw.Points = k.sorted()
		e := sw.edge(stored)
		if e == nil || e.NS < c.step || e.NS-c.step > c.want || trials > 20 {
			t.Errorf("%+v: %+v behind %d trials", c, e, trials)
		}
		if err := k.close(); err != nil {
			t.Error(err)
		}
	}
}

// Of a curve with many steps some are left out of the text, but never the stretch in which most points lie.
func TestSweepTextKeepsLongStretches(t *testing.T) {
	sw := &Sweep{Wanted: 300, Status: Finished, By: ByByte, Expected: map[string]grade.Count{grade.Warn: {Records: 500}}}
	for i := range int64(100) {
		sw.Points = append(sw.Points, warnPoint(i+1, int(i), int(i)))
	}
	for i := range int64(200) {
		sw.Points = append(sw.Points, warnPoint(101+i, 101, 101))
	}
	for i := range int64(100) {
		sw.Points = append(sw.Points, warnPoint(301+i, 200+int(i), 200+int(i)))
	}
	var b strings.Builder
	if err := sw.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); !strings.Contains(text, "    200\n") || !strings.Contains(text, "rows are") || strings.Count(text, "\n") > maxStretches+15 {
		t.Errorf("%d lines:\n%s", strings.Count(text, "\n"), text)
	}
}
