// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/harness"
	"lastpage/harness/grade"
)

// A sweep that was killed in the middle of writing a point keeps all others, and writes on after them.
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
		at := func(in harness.Inject) int64 { return in.N + in.Time.Nanoseconds() }
		for i, in := range all[1:] {
			if at(in) <= at(all[i]) || folderOf(in) <= folderOf(all[i]) {
				t.Fatalf("by %s: point %d at %s after %s", by, i+1, in, all[i])
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
		sw := &Sweep{Points: c.points, Wanted: 3, whole: true, Expected: map[string]grade.Count{grade.Warn: {Records: 39}}}
		sw.finish()
		at := func(e *Edge) (from, not int64) {
			if e == nil || e.Never {
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
	const frame = 86806 // ns
	for _, c := range []struct {
		step, void int64 // ns: from when on the WARN is whole; trials after void and before step are void
		within     int64 // the edge is at most this far after step
		bytes      int   // trials at a byte
		workers    int
	}{
		{4_321_987, 1 << 62, edgeNS, 9, 1}, {4_321_987, 4_200_000, 2 * frame, 9, 1}, {0, 1 << 62, 1, 9, 1},
		{4_321_987, 1 << 62, edgeNS, 11, 2}, {4_321_987, 1 << 62, edgeNS, 14, 4}, {0, 1 << 62, 1, 14, 4},
	} {
		k, err := openPoints(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		sw := &Sweep{Expected: map[string]grade.Count{grade.Warn: {Records: 39}}}
		var mu sync.Mutex
		trials, bytes := 0, 0
		one := func(_ context.Context, in harness.Inject, _ bool) error {
			mu.Lock()
			defer mu.Unlock()
			trials++
			p := &Point{Inject: in.String(), NS: in.Time.Nanoseconds() + in.N*frame}
			p.Byte = p.NS / frame
			if in.At == "byte" {
				bytes++
			}
			switch {
			case p.NS >= c.step:
				p.Warn = Stage{39, 39}
			case p.NS > c.void:
				p.Void = []string{"overrun"}
			}
			_, err := k.add(p)
			return err
		}
		if err := one(t.Context(), byteInject(200), false); err != nil {
			t.Fatal(err)
		}
		if err := (SweepOrder{Workers: c.workers}).edges(t.Context(), sw, k, one); err != nil {
			t.Fatal(err)
		}
		sw.Points = k.sorted()
		e := sw.edge(stored)
		if e == nil || e.NS < c.step || e.NS-c.step > c.within || trials > 25+c.workers || bytes > c.bytes {
			t.Errorf("%+v: %+v after %d trials, %d at a byte", c, e, trials, bytes)
		}
		if err := k.close(); err != nil {
			t.Error(err)
		}
	}
}

// A point that has not what the reference has until its interruption says nothing about that course.
func TestSweepSameCourse(t *testing.T) {
	log := wire.NewLog(wire.Virtual, wire.Frame{Baud: 115200, Bits: 10})
	for i := range int64(10) {
		if err := log.Append([]byte{'x'}, 1000+100*i); err != nil {
			t.Fatal(err)
		}
	}
	log.Close(nil)
	sw := &Sweep{line: log, Provoked: dut.Moment{NS: 1150, WireByte: 2}} // its next byte is out after 50 ns
	for _, c := range []struct {
		ns, byte int64
		void     bool
	}{{0, 0, false}, {49, 0, false}, {50, 1, false}, {149, 1, false}, {150, 2, false}, {5000, 8, false}, {49, 1, true}, {150, 1, true}, {5000, 9, true}} {
		p := &Point{NS: c.ns, Byte: c.byte}
		if sw.sameCourse(p); (len(p.Void) > 0) != c.void {
			t.Errorf("byte %d at %d ns: %v", c.byte, c.ns, p.Void)
		}
	}
	if p := (&Point{NS: 49, Byte: 1, Void: []string{"overrun"}}); true {
		if sw.sameCourse(p); len(p.Void) != 1 {
			t.Errorf("void for another reason: %v", p.Void)
		}
	}
}
