// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"fmt"

	"lastpage/harness/align"
)

// agreement is how ring and wire compare, record by record.
type agreement struct {
	Records     int // of the ring that the console should have printed
	Intact      int // of them, on the wire byte for byte; replayed ones too
	Other       map[string]int
	WireOnly    int   // records on the wire that the ring does not have
	Strange     int64 // bytes of the wire that look like a record's and are none's
	Repeats     int   // announced replays
	Overwritten uint64
}

// agree compares the ring with the wire. All levels up to loglevel are printed, from boot on.
func (s *shot) agree(loglevel int) (agreement, error) {
	a := agreement{Other: map[string]int{}}
	if s.Ring == nil {
		return a, fmt.Errorf("no ringbuffer: %s", s.RingNo)
	}
	opts, _, _ := align.Detect(s.Wire, s.Ring.Records)
	r := align.Align(align.Input{Wire: s.Wire, Records: s.Ring.Records, Opts: opts, Levels: []align.Level{{Loglevel: loglevel}}})
	for _, e := range r.Entries {
		if e.Rec < 0 || !e.Visible {
			continue
		}
		a.Records++
		if e.Fate == align.Intact || e.Fate == align.Replayed {
			a.Intact++
		} else {
			a.Other[e.Fate.String()]++
		}
	}
	a.WireOnly, a.Strange, a.Repeats, a.Overwritten = r.WireOnly, r.Bytes[align.Unexplained], r.ReplayNotes, s.Ring.Overwritten
	return a, nil
}

func (a agreement) whole() bool {
	return a.Records > 0 && a.Intact == a.Records && a.WireOnly == 0 && a.Strange == 0
}

func (a agreement) String() string {
	return fmt.Sprintf("%d of %d records intact, others %v, %d only on the wire, %d strange bytes", a.Intact, a.Records, a.Other, a.WireOnly, a.Strange)
}
