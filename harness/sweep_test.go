package harness

import (
	"os"
	"path/filepath"
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
		if _, err := k.add(&Point{Byte: at}); err != nil {
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
	if !k.has(30) || !k.has(10) || k.has(20) {
		t.Errorf("after the kill: %v", k.done)
	}
	if n, err := k.add(&Point{Byte: 20}); err != nil || n != 3 {
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

func TestSweepPlaces(t *testing.T) {
	o := SweepOrder{Points: 1000}
	const span = 60000
	last := int64(0)
	for i := range o.Points {
		at := o.byteOf(i, span)
		if at <= last || at > span {
			t.Fatalf("point %d at byte %d behind %d", i, at, last)
		}
		last = at
	}
	if o.byteOf(0, span) != 1 || last != span {
		t.Errorf("from %d to %d", o.byteOf(0, span), last)
	}
}

func TestSweepFinish(t *testing.T) {
	p := func(at int64, stored, wire int, void ...string) *Point {
		return &Point{Byte: at, Warn: Stage{stored, wire}, Void: void}
	}
	for _, c := range []struct {
		name         string
		points       []*Point
		stored, sent int64 // 0: none
		voids        int
	}{
		{"rises", []*Point{p(1, 2, 2), p(2, 39, 2), p(3, 39, 39)}, 2, 3, 0},
		{"never", []*Point{p(1, 2, 2), p(2, 15, 15)}, 0, 0, 0},
		{"falls again", []*Point{p(1, 39, 39), p(2, 38, 38), p(3, 39, 39)}, 3, 3, 0},
		{"void is no answer", []*Point{p(1, 39, 39), p(2, 0, 0, "overrun"), p(3, 39, 39)}, 1, 1, 1},
		{"nothing", nil, 0, 0, 0},
	} {
		sw := &Sweep{Points: c.points, Wanted: 3, Expected: map[string]grade.Count{grade.Warn: {Records: 39}}}
		sw.finish()
		at := func(p *int64) int64 {
			if p == nil {
				return 0
			}
			return *p
		}
		if at(sw.WarnFrom) != c.stored || at(sw.WarnSentFrom) != c.sent || sw.Voids != c.voids {
			t.Errorf("%s: stored from %d, sent from %d, %d void", c.name, at(sw.WarnFrom), at(sw.WarnSentFrom), sw.Voids)
		}
	}
}
