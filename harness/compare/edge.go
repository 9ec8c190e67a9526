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

// edges narrows the gap before each edge, by bytes as long as there are some between, then by time until it is edgeNS: a step
// between two points, or before the first, then has its place. Each round divides the gap by as many points as run at a time.
func (o SweepOrder) edges(ctx context.Context, sw *Sweep, kept *pointLog, one func(context.Context, harness.Inject, bool) error) error {
	for _, h := range []has{stored, sent} {
		for range maxEdge {
			sw.Points = kept.sorted()
			if err := o.spread(ctx, sw.edge(h).between(max(1, o.Workers)), 0, kept, one); err != nil {
				return err
			}
			if len(kept.sorted()) == len(sw.Points) { // there is nothing between, or it is void
				break
			}
		}
	}
	return nil
}

// between are n moments, or as many as there are, that divide the gap before the edge.
func (e *Edge) between(n int) []harness.Inject {
	switch {
	case e == nil:
		return nil
	case e.before == nil: // before the first byte
		return []harness.Inject{timeInject(1)}
	case e.Byte-e.before.Byte > 1:
		return divide(e.before.Byte, e.Byte, n, byteInject)
	case e.NS-e.before.NS > edgeNS:
		return divide(e.before.NS, e.NS, n, timeInject)
	}
	return nil
}

// divide gives n different moments between two, or all if there are fewer.
func divide(from, to int64, n int, at func(int64) harness.Inject) []harness.Inject {
	parts := min(int64(n)+1, to-from)
	var out []harness.Inject
	for i := int64(1); i < parts; i++ {
		out = append(out, at(from+(to-from)*i/parts))
	}
	return out
}
