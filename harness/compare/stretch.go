// SPDX-License-Identifier: Apache-2.0

package compare

// Stretch is a row of points at which WARN and backlog came out alike.
type Stretch struct {
	First  *Point
	Points int
}

// Stretches puts the points of a sweep together that came out alike.
func (sw *Sweep) Stretches() []Stretch {
	var all []Stretch
	for _, p := range sw.Points {
		if n := len(all); n > 0 {
			if q := all[n-1].First; q.Warn == p.Warn && q.Backlog == p.Backlog && len(q.Void) == 0 && len(p.Void) == 0 {
				all[n-1].Points++
				continue
			}
		}
		all = append(all, Stretch{p, 1})
	}
	return all
}
