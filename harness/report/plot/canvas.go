// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"html"

	"github.com/golang/freetype/truetype"
	chart "github.com/wcharczuk/go-chart/v2"
	"github.com/wcharczuk/go-chart/v2/drawing"
)

var (
	white = drawing.ColorWhite
	black = drawing.ColorFromHex("222222")
	grey  = drawing.ColorFromHex("666666")
	pale  = drawing.ColorFromHex("e4e4e4")
	red   = drawing.ColorFromHex("c00000")

	// groups are told apart by those who do not see all colours, too.
	groups = []drawing.Color{drawing.ColorFromHex("0072b2"), drawing.ColorFromHex("d55e00"), drawing.ColorFromHex("009e73"),
		drawing.ColorFromHex("cc79a7"), drawing.ColorFromHex("e69f00"), drawing.ColorFromHex("56b4e9"), drawing.ColorFromHex("000000"),
		drawing.ColorFromHex("8c564b")}
)

func colour(group int) drawing.Color { return groups[group%len(groups)] }

// faint is a group's colour, for lines on which others lie.
func faint(group int) drawing.Color {
	c := colour(group)
	mix := func(v uint8) uint8 { return uint8((int(v) + 255) / 2) }
	return drawing.Color{R: mix(c.R), G: mix(c.G), B: mix(c.B), A: 255}
}

// canvas is a renderer with the few things that are drawn here.
type canvas struct {
	r     chart.Renderer
	font  *truetype.Font
	isXML bool // text is written into XML
}

func newCanvas(r chart.Renderer, isXML bool) (*canvas, error) {
	font, err := chart.GetDefaultFont()
	if err != nil {
		return nil, err
	}
	return &canvas{r: r, font: font, isXML: isXML}, nil
}

func (c *canvas) stroke(col drawing.Color, wide float64, dash []float64) {
	c.r.ResetStyle()
	c.r.SetStrokeColor(col)
	c.r.SetStrokeWidth(wide)
	c.r.SetStrokeDashArray(dash)
}

func (c *canvas) path(at [][2]int) {
	if len(at) < 2 {
		return
	}
	c.r.MoveTo(at[0][0], at[0][1])
	for _, p := range at[1:] {
		c.r.LineTo(p[0], p[1])
	}
	c.r.Stroke()
}

func (c *canvas) box(x, y, wide, high int, col drawing.Color) {
	c.r.ResetStyle()
	c.r.SetFillColor(col)
	c.r.MoveTo(x, y)
	c.r.LineTo(x+wide, y)
	c.r.LineTo(x+wide, y+high)
	c.r.LineTo(x, y+high)
	c.r.Close()
	c.r.Fill()
}

func (c *canvas) dot(x, y int, col drawing.Color) {
	c.r.ResetStyle()
	c.r.SetFillColor(col)
	c.r.Circle(2, x, y)
	if !c.isXML { // there a circle is an element of its own
		c.r.Fill()
	}
}

func (c *canvas) pen(size float64, col drawing.Color) {
	c.r.ResetStyle()
	c.r.SetFont(c.font)
	c.r.SetFontSize(size)
	c.r.SetFontColor(col)
}

func (c *canvas) text(s string, x, y int, size float64, col drawing.Color) {
	c.pen(size, col)
	if c.isXML {
		s = html.EscapeString(s)
	}
	c.r.Text(s, x, y)
}

func (c *canvas) wide(s string, size float64) int {
	c.pen(size, black)
	b := c.r.MeasureText(s)
	return b.Right - b.Left
}

func (c *canvas) textEnd(s string, x, y int, size float64, col drawing.Color) {
	c.text(s, x-c.wide(s, size), y, size, col)
}

func (c *canvas) textMid(s string, x, y int, size float64, col drawing.Color) {
	c.text(s, x-c.wide(s, size)/2, y, size, col)
}
