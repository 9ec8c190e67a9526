package report

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"path/filepath"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/grade"
)

// Views writes what people read of a sweep into its folder: sweep.tsv with a line for every point, and the curve as PNG and SVG.
func Views(sw *compare.Sweep, dir string) error {
	var b bytes.Buffer
	if err := Points(sw).TSV(&b); err != nil {
		return err
	}
	return errors.Join(harness.WriteFile(filepath.Join(dir, "sweep.tsv"), b.Bytes()), draw(sw, dir))
}

// draw plots the share of each section against the moment of the interruption. Void points are left out.
func draw(sw *compare.Sweep, dir string) error {
	pl := plot.New()
	pl.Title.Text = fmt.Sprintf("%s, Linux %s, %s, %d baud: what is left of an interrupted WARN", sw.Strategy, sw.Release, cpus(sw.CPUs), sw.Baud)
	pl.X.Label.Text = "NMI after so many bytes of wire from the provocation"
	pl.Y.Label.Text = "% of the records"
	pl.Y.Min, pl.Y.Max, pl.X.Min, pl.X.Max = 0, 105, 0, float64(sw.Span)
	pl.X.Tick.Marker = plot.TickerFunc(wholeTicks)
	// The curves run along the top and the bottom.
	pl.Legend.Top, pl.Legend.Left = true, true
	pl.Legend.XOffs, pl.Legend.YOffs = vg.Centimeter, -2.5*vg.Centimeter
	pl.Legend.Padding = vg.Millimeter
	pl.Add(plotter.NewGrid())
	for _, c := range []struct {
		name string
		col  color.RGBA
		wide vg.Length
		dash []vg.Length
		of   int
		n    func(*compare.Point) int
	}{
		{"backlog on the wire", color.RGBA{190, 190, 190, 255}, 5, nil, sw.Backlog, func(p *compare.Point) int { return p.Backlog.Wire }},
		{"WARN stored", color.RGBA{120, 170, 240, 255}, 3, nil, sw.Expected[grade.Warn].Records, func(p *compare.Point) int { return p.Warn.Stored }},
		{"WARN on the wire", color.RGBA{200, 30, 30, 255}, 1.2, []vg.Length{3, 2}, sw.Expected[grade.Warn].Records, func(p *compare.Point) int { return p.Warn.Wire }},
		{"panic on the wire, of what was stored", color.RGBA{0, 130, 60, 255}, 1.2, []vg.Length{1, 3}, 0, func(p *compare.Point) int { return p.Panic.Wire }},
	} {
		var xy plotter.XYs
		for _, p := range sw.Points {
			of := c.of
			if of == 0 {
				of = p.Panic.Stored
			}
			if len(p.Void) == 0 && of > 0 {
				xy = append(xy, plotter.XY{X: float64(p.Byte), Y: 100 * float64(c.n(p)) / float64(of)})
			}
		}
		if len(xy) == 0 {
			continue
		}
		l, err := plotter.NewLine(xy)
		if err != nil {
			return fmt.Errorf("draw sweep: %w", err)
		}
		l.Color, l.Dashes, l.Width = c.col, c.dash, c.wide
		pl.Add(l)
		pl.Legend.Add(c.name, l)
	}
	for _, name := range []string{"sweep.png", "sweep.svg"} {
		if err := pl.Save(20*vg.Centimeter, 11*vg.Centimeter, filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("draw sweep: %w", err)
		}
	}
	return nil
}

// wholeTicks are gonum's, with whole numbers and no zeros behind them.
func wholeTicks(lo, hi float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(lo, hi)
	for i, t := range ticks {
		if t.Label != "" {
			ticks[i].Label = strconv.FormatFloat(t.Value, 'f', -1, 64)
		}
	}
	return ticks
}
