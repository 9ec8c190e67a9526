// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"math"
	"strconv"
)

// sparse is how many pixels lie at least between the marks of two measurements with the same value.
const sparse = 6

// room is how far the plane goes below 0 % and above 100 %, in per cent.
const room = 4

// plane draws the panel whose plane begins at pixel y.
func (p *Picture) plane(c *canvas, y int, a axis) {
	px := func(x float64) int { return left + int(math.Round(a.at(x)*(width-left-right))) }
	py := func(share float64) int { return y + int(math.Round((100+room-share)/(100+2*room)*panel)) }
	c.text(p.Y, left-40, y-8, 10, black)
	c.textEnd(a.caption(), width-right, y-8, 10, grey)
	for share := 0.0; share <= 100; share += 25 {
		c.stroke(pale, 1, nil)
		c.path([][2]int{{left, py(share)}, {width - right, py(share)}})
		c.textEnd(strconv.Itoa(int(share)), left-8, py(share)+4, 9, black)
	}
	major, minor := a.ticks()
	for _, x := range minor {
		c.stroke(grey, 1, nil)
		c.path([][2]int{{px(x), y + panel}, {px(x), y + panel + 4}})
	}
	for _, x := range major {
		c.stroke(pale, 1, nil)
		c.path([][2]int{{px(x), y}, {px(x), y + panel + 6}})
		c.textMid(label(x), px(x), y+panel+20, 9, black)
	}
	c.stroke(grey, 1, nil)
	c.path([][2]int{{left, y}, {left, y + panel}, {width - right, y + panel}})
	c.textMid(p.X, left+(width-left-right)/2, y+panel+36, 10, black)
	for _, s := range p.Series {
		p.stroke(c, s)
		c.path(steps(s.Points, px, py))
	}
	for _, s := range p.Series {
		for _, m := range marks(s.Points, px, py) {
			c.dot(m[0], m[1], colour(s.Group))
		}
	}
}

// stroke chooses the pen of a curve. Those of later groups are thinner, and thus seen where they lie on earlier ones.
func (p *Picture) stroke(c *canvas, s Series) {
	if s.Dashed {
		c.stroke(colour(s.Group), 1.5, []float64{6, 4})
		return
	}
	groups := 0
	for _, o := range p.Series {
		groups = max(groups, o.Group+1)
	}
	c.stroke(faint(s.Group), float64(3+2*min(4, groups-1-s.Group)), nil)
}

// steps are the corners of a curve that holds each value until the next measurement. Nothing is drawn before the first or past the last.
func steps(points []Point, px, py func(float64) int) [][2]int {
	var at [][2]int
	for i, p := range points {
		if i > 0 {
			at = append(at, [2]int{px(p.X), at[len(at)-1][1]})
		}
		at = append(at, [2]int{px(p.X), py(p.Y)})
	}
	// Corners on one line say nothing.
	short := at[:min(len(at), 1)]
	for i := 1; i < len(at); i++ {
		if n := len(short); n > 1 && (at[i][0] == short[n-1][0] && at[i][0] == short[n-2][0] || at[i][1] == short[n-1][1] && at[i][1] == short[n-2][1]) &&
			between(short[n-2], short[n-1], at[i]) {
			short[n-1] = at[i]
			continue
		}
		short = append(short, at[i])
	}
	return short
}

// between says that b lies on the way from a to c, all on one line.
func between(a, b, c [2]int) bool {
	in := func(a, b, c int) bool { return min(a, c) <= b && b <= max(a, c) }
	return in(a[0], b[0], c[0]) && in(a[1], b[1], c[1])
}

// marks are where measurements are marked: the first, the last and all that differ from a neighbour in value; of the others one every so many pixels.
func marks(points []Point, px, py func(float64) int) [][2]int {
	var at [][2]int
	for i, p := range points {
		m := [2]int{px(p.X), py(p.Y)}
		alike := i > 0 && points[i-1].Y == p.Y && i < len(points)-1 && points[i+1].Y == p.Y
		if n := len(at); n > 0 && (at[n-1] == m || alike && m[0]-at[n-1][0] < sparse) {
			continue
		}
		at = append(at, m)
	}
	return at
}
