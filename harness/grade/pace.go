// SPDX-License-Identifier: Apache-2.0

package grade

import (
	"fmt"
	"strings"

	"lastpage/capture/wire"
	"lastpage/harness/align"
	"lastpage/harness/gaps"
)

// paces puts to each section how the line ran inside its records, repeats and torn ones too. Only virtual time is fine enough for that.
func (j *judge) paces() {
	l := j.in.Wire
	frame := l.Frame().ByteNS()
	if l.Clock() != wire.Virtual || frame == 0 || j.x != nil {
		return
	}
	spans := map[string][]gaps.Span{}
	for _, p := range j.a.Pieces {
		if p.Kind == align.FromRecord {
			name := j.s.items[p.Entry].section
			spans[name] = append(spans[name], gaps.Span{Start: p.Start, End: p.End})
		}
	}
	for name, s := range j.g.Sections {
		s.Pace = gaps.Measure(l, frame, spans[name])
	}
}

// unsteady tells of the sections in which the line idled for more than 0.1 ms at a time inside a record.
func (g *Grade) unsteady(b *strings.Builder) {
	for _, name := range Names {
		s := g.Sections[name]
		if s == nil || s.Pace == nil || s.Pace.OverShort == 0 {
			continue
		}
		p := s.Pace
		fmt.Fprintf(b, "%-8s  inside records %.1f B/s; %d gaps over 0.1 ms, %d over 1 ms, the worst %.3f ms at byte %d\n", name, p.Rate, p.OverShort,
			p.OverLong, float64(p.Worst.NS)/1e6, p.Worst.Byte)
	}
}
