// SPDX-License-Identifier: Apache-2.0

package gaps

import (
	"reflect"
	"testing"
)

// ends are the ends of frames; 0: unknown.
type ends []int64

func (e ends) TimeAt(off int64) (int64, bool) {
	if off < 0 || off >= int64(len(e)) || e[off] == 0 {
		return 0, false
	}
	return e[off], true
}

func TestMeasure(t *testing.T) {
	const frame = 100_000
	// One record of 4 bytes back to back, a pause of 5 ms, one of 5 bytes with a gap of 0.3 ms, one of 2 ms and a byte without a time.
	wire := ends{100_000, 200_001, 300_001, 400_000, 5_400_000, 5_800_000, 7_900_000, 0, 9_000_000}
	for _, tt := range []struct {
		name  string
		spans []Span
		want  *Pace
	}{
		{"nothing", nil, nil},
		{"a single byte has no rate", []Span{{2, 3}}, nil},
		{"back to back, rounding is no gap", []Span{{0, 4}}, &Pace{Bytes: 3, NS: 300_000, Rate: 10_000}},
		{"the pause between two records is none of theirs", []Span{{0, 4}, {4, 5}}, &Pace{Bytes: 3, NS: 300_000, Rate: 10_000}},
		{"two gaps, and no guess where a time is missing", []Span{{4, 9}},
			&Pace{Bytes: 2, NS: 2_500_000, Rate: 800, OverShort: 2, OverLong: 1, Idle: 2_300_000, Worst: &Gap{NS: 2_000_000, Byte: 6}}},
		{"past the end of the wire", []Span{{0, 4}, {20, 30}}, &Pace{Bytes: 3, NS: 300_000, Rate: 10_000}},
	} {
		if got := Measure(wire, frame, tt.spans); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// A median does not see what the mean must: one gap in a hundred records.
func TestOneGap(t *testing.T) {
	var wire ends
	var spans []Span
	now := int64(0)
	for r := range 100 {
		from := int64(len(wire))
		for b := range 64 {
			now += 86_805
			if r == 50 && b == 10 {
				now += 500_000_000
			}
			wire = append(wire, now)
		}
		spans = append(spans, Span{from, int64(len(wire))})
	}
	p := Measure(wire, 86_805, spans)
	if p == nil || p.Rate > 6100 || p.OverLong != 1 || p.OverShort != 1 || p.Worst == nil || *p.Worst != (Gap{500_000_000, 50*64 + 10}) {
		t.Errorf("%+v", p)
	}
}
