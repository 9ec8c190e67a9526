// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"context"

	"lastpage/harness"
	"lastpage/harness/grade"
)

// Edge is the moment from which on all points of a sweep have something.
type Edge struct {
	Never bool  `json:"never,omitempty"` // not even the last point has it; the rest means nothing then
	Byte  int64 `json:"byte"`            // wire bytes after the provocation
	NS    int64 `json:"ns"`              // after the provocation
	// NotAt is the last point before it that has not; null: there is none.
	NotAt *int64 `json:"not_at_ns"`

	before *Point
}

// edgeNS is how close two points at an edge are at last.
const edgeNS = 1000

// maxEdge bounds the trials that look for one edge: 2^40 ns are 18 minutes.
const maxEdge = 40

// has says whether a point has the whole of something of which there are want records.
type has func(p *Point, want int) bool

func stored(p *Point, want int) bool { return p.Warn.Stored >= want }
func sent(p *Point, want int) bool   { return p.Warn.Wire >= want }

// edge finds the point from which on all that count have the whole WARN; nil if the last has not.
func (sw *Sweep) edge(h has) *Edge {
	var e *Edge
	for i := len(sw.Points) - 1; i >= 0; i-- {
		p := sw.Points[i]
		switch {
		case len(p.Void) > 0:
		case h(p, sw.Expected[grade.Warn].Records):
			e = &Edge{Byte: p.Byte, NS: p.NS}
		default:
			if e != nil {
				e.NotAt, e.before = &p.NS, p
			}
			return e
		}
	}
	return e
}

// verdict is the edge of a sweep whose points were all reached.
func (sw *Sweep) verdict(h has) *Edge {
	if e := sw.edge(h); e != nil {
		return e
	}
	return &Edge{Never: true}
}

// edges halves the gap in front of each edge, by bytes as long as there are some between, then by time until it is edgeNS: a step
// between two points, or before the first, then has its place.
func (o SweepOrder) edges(ctx context.Context, sw *Sweep, kept *pointLog, one func(context.Context, harness.Inject, bool) error) error {
	for _, h := range []has{stored, sent} {
		for range maxEdge {
			sw.Points = kept.sorted()
			e := sw.edge(h)
			if e == nil {
				break
			}
			in := timeInject(1) // before the first byte
			if e.before != nil && e.Byte-e.before.Byte > 1 {
				in = byteInject(e.before.Byte + (e.Byte-e.before.Byte)/2)
			} else if e.before != nil {
				in = timeInject(e.before.NS + (e.NS-e.before.NS)/2)
			}
			if e.before != nil && e.NS-e.before.NS <= edgeNS || kept.has(in) { // there is none, or it is void
				break
			}
			if err := one(ctx, in, false); err != nil {
				return err
			}
		}
	}
	return nil
}
