// SPDX-License-Identifier: Apache-2.0

// Package plot draws curves of shares against a position, as PNG and SVG. It takes plain values and knows nothing of what they mean, so
// that only who wants a picture depends on a library that draws.
//
// Every picture has two panels with the same curves: one with an even axis, and one with a logarithmic axis that shows where something
// changes within few units from 0. Curves are steps: between two measured points nothing is known, and the value of the first is held. Text
// in an SVG has a generic font family.
package plot

import (
	"fmt"
	"io"

	chart "github.com/wcharczuk/go-chart/v2"
)

// Picture is what is to be drawn.
type Picture struct {
	Title string
	Notes []string // lines below the title: conditions
	// Unfinished says what the picture lacks, in a few words; empty: nothing.
	Unfinished string
	X, Y       string  // what the axes measure
	Span       float64 // the X axis goes from 0 to here; more than 0
	Series     []Series
}

// Series is one curve. Curves of one group have one colour.
type Series struct {
	Name   string
	Group  int
	Dashed bool
	Points []Point // by X; each was measured
}

// Point is one measurement: Y is a share in per cent, 0 to 100.
type Point struct{ X, Y float64 }

// Pixels of the picture; in an SVG they are user units.
const (
	width   = 1200
	left    = 60
	right   = 30
	panel   = 300 // height of the plane
	gap     = 72  // between the panels: ticks, label, caption
	line    = 20  // of text
	columns = 2   // of the legend
)

// PNG draws p as PNG.
func (p *Picture) PNG(w io.Writer) error { return p.draw(w, chart.PNG, false) }

// SVG draws p as SVG.
func (p *Picture) SVG(w io.Writer) error { return p.draw(w, chart.SVG, true) }

func (p *Picture) draw(w io.Writer, open chart.RendererProvider, isXML bool) error {
	if p.Span <= 0 {
		return fmt.Errorf("draw %q: the axis has no length", p.Title)
	}
	top := 30 + line*len(p.Notes)
	if p.Unfinished != "" {
		top += line + 6
	}
	rows := (len(p.Series) + columns - 1) / columns
	height := top + 2*(panel+gap) + line*(rows+2)
	r, err := open(width, height)
	if err != nil {
		return fmt.Errorf("draw %q: %w", p.Title, err)
	}
	c, err := newCanvas(r, isXML)
	if err != nil {
		return fmt.Errorf("draw %q: %w", p.Title, err)
	}
	c.box(0, 0, width, height, white)
	y := 30
	c.text(p.Title, left, y, 15, black)
	if p.Unfinished != "" {
		y += line + 6
		c.text("UNFINISHED: "+p.Unfinished, left, y, 14, red)
	}
	for _, n := range p.Notes {
		y += line
		c.text(n, left, y, 10, grey)
	}
	y += gap - 36
	p.plane(c, y, even{p.Span})
	y += panel + gap
	p.plane(c, y, logarithmic{p.Span})
	y += panel + gap - 12
	for i, s := range p.Series {
		x, y := left+i%columns*(width-left-right)/columns, y+i/columns*line
		p.stroke(c, s)
		c.path([][2]int{{x, y - 4}, {x + 34, y - 4}})
		c.dot(x+17, y-4, colour(s.Group))
		c.text(s.Name, x+42, y, 10, black)
	}
	c.text(fmt.Sprintf("dots: measured; of those with the same value, one every %d pixels", sparse), left, y+line*rows+8, 9, grey)
	if err := r.Save(w); err != nil {
		return fmt.Errorf("draw %q: %w", p.Title, err)
	}
	return nil
}
