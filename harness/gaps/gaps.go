// SPDX-License-Identifier: Apache-2.0

package gaps

// Gaps are counted from these on, in ns of idle line. Short ones cost a frame at most; long ones are what a scheduler does.
const (
	Short = 100_000
	Long  = 1_000_000
)

// Span is a stretch of the wire, End after its last byte, that one record left without another's bytes in between.
type Span struct{ Start, End int64 }

// Times is the part of a wire that is needed: the end of the frame at an offset, in ns of the capture's clock.
type Times interface {
	TimeAt(off int64) (int64, bool)
}

// Pace is how a line ran inside records.
type Pace struct {
	Bytes int64   `json:"bytes"` // that followed another byte of the same span
	NS    int64   `json:"ns"`    // that they took
	Rate  float64 `json:"rate"`  // bytes/s: the one by the other
	// Gaps are times in which the line idled: OverShort of more than 0.1 ms, OverLong, of them, of more than 1 ms.
	OverShort int   `json:"gaps_over_100us"`
	OverLong  int   `json:"gaps_over_1ms"`
	Idle      int64 `json:"idle_ns"` // of the line in all gaps, those below 0.1 ms too
	Worst     *Gap  `json:"worst"`   // null: the line never idled
}

// Gap is a time in which the line idled in the middle of a record.
type Gap struct {
	NS   int64 `json:"ns"`   // beyond the frame
	Byte int64 `json:"byte"` // offset of the byte before which it idled
}

// slack is by how much rounding can make a frame look longer, in ns.
const slack = 2

// Measure goes through the spans. frameNS is the time of one frame, rounded down. nil: no two bytes of a span have times.
func Measure(t Times, frameNS int64, spans []Span) *Pace {
	p := &Pace{}
	for _, s := range spans {
		before, timed := t.TimeAt(s.Start)
		for off := s.Start + 1; off < s.End; off++ {
			now, ok := t.TimeAt(off)
			if timed && ok {
				p.add(off, now-before, frameNS)
			}
			before, timed = now, ok
		}
	}
	if p.Bytes == 0 || p.NS <= 0 {
		return nil
	}
	p.Rate = float64(p.Bytes) * 1e9 / float64(p.NS)
	return p
}

func (p *Pace) add(off, took, frameNS int64) {
	p.Bytes++
	p.NS += took
	idle := took - frameNS
	if idle <= slack {
		return
	}
	p.Idle += idle
	if idle > Short {
		p.OverShort++
	}
	if idle > Long {
		p.OverLong++
	}
	if p.Worst == nil || idle > p.Worst.NS {
		p.Worst = &Gap{NS: idle, Byte: off}
	}
}
