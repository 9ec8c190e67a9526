package harness

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"lastpage/harness/grade"
)

// Views writes what people read of a sweep: sweep.tsv with a line for every point, and the curve as PNG and SVG.
func (sw *Sweep) Views() error {
	var b strings.Builder
	b.WriteString("byte\tns\twarn_stored\twarn_wire\tbacklog_stored\tbacklog_wire\tpanic_stored\tpanic_wire\tletter\tvoid\n")
	for _, p := range sw.Points {
		fmt.Fprintf(&b, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\n", p.Byte, p.NS, p.Warn.Stored, p.Warn.Wire, p.Backlog.Stored, p.Backlog.Wire,
			p.Panic.Stored, p.Panic.Wire, p.Letter, strings.Join(p.Void, "; "))
	}
	return errors.Join(writeFile(filepath.Join(sw.dir, "sweep.tsv"), []byte(b.String())), sw.draw())
}

// draw plots the share of each section against the moment of the interruption. Void points are left out.
func (sw *Sweep) draw() error {
	pl := plot.New()
	pl.Title.Text = fmt.Sprintf("%s, Linux %s, %d CPUs, %d baud: what is left of an interrupted WARN", sw.Strategy, sw.Release, sw.CPUs, sw.Baud)
	pl.X.Label.Text = "NMI after so many bytes of wire from the provocation"
	pl.Y.Label.Text = "% of the records"
	pl.Y.Min, pl.Y.Max, pl.X.Min, pl.X.Max = 0, 105, 0, float64(sw.Span)
	pl.Legend.Top, pl.Legend.Left = true, true
	pl.Legend.YOffs = -vg.Millimeter
	pl.Add(plotter.NewGrid())
	for _, c := range []struct {
		name string
		col  color.RGBA
		dash []vg.Length
		of   int
		n    func(*Point) int
	}{
		{"backlog on the wire", color.RGBA{150, 150, 150, 255}, nil, sw.Backlog, func(p *Point) int { return p.Backlog.Wire }},
		{"WARN stored", color.RGBA{30, 90, 200, 255}, nil, sw.Expected[grade.Warn].Records, func(p *Point) int { return p.Warn.Stored }},
		{"WARN on the wire", color.RGBA{200, 30, 30, 255}, []vg.Length{3, 2}, sw.Expected[grade.Warn].Records, func(p *Point) int { return p.Warn.Wire }},
		{"panic on the wire, of what was stored", color.RGBA{0, 130, 60, 255}, []vg.Length{1, 3}, 0, func(p *Point) int { return p.Panic.Wire }},
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
		l.Color, l.Dashes, l.Width = c.col, c.dash, 1.2
		pl.Add(l)
		pl.Legend.Add(c.name, l)
	}
	for _, name := range []string{"sweep.png", "sweep.svg"} {
		if err := pl.Save(20*vg.Centimeter, 11*vg.Centimeter, filepath.Join(sw.dir, name)); err != nil {
			return fmt.Errorf("draw sweep: %w", err)
		}
	}
	return nil
}

// WriteText prints a sweep in few lines: where the whole WARN is stored, and the curve at up to twenty of its points.
func (sw *Sweep) WriteText(w io.Writer) error {
	var b strings.Builder
	want := sw.Expected[grade.Warn].Records
	fmt.Fprintf(&b, "%s: Linux %s (%s), %d cpus, %d baud, wire %s\n", sw.Strategy, sw.Release, sw.Console, sw.CPUs, sw.Baud, sw.Mode)
	fmt.Fprintf(&b, "%s; backlog %d records of %d bytes; a WARN has %d records\n", sw.Scenario, sw.Backlog, sw.RecordLen, want)
	fmt.Fprintf(&b, "%d of %d points over %d bytes of wire, one trial each, %d void, %.0f s of trials\n", len(sw.Points), sw.Wanted, sw.Span, sw.Voids,
		sw.Took.Seconds())
	for _, f := range []struct {
		what string
		at   *int64
	}{{"stored", sw.WarnFrom}, {"on the wire", sw.WarnSentFrom}} {
		at := "at no point"
		if f.at != nil {
			at = "from byte " + strconv.FormatInt(*f.at, 10) + " on"
		}
		fmt.Fprintf(&b, "whole WARN %s: %s\n", f.what, at)
	}
	fmt.Fprintf(&b, "\n%8s %10s  %-11s  %-11s  %-11s\n%8s %10s  %5s %5s  %5s %5s  %5s %5s\n", "NMI at", "", "warn", "backlog", "panic",
		"byte", "ms", "store", "wire", "store", "wire", "store", "wire")
	step := max(1, (len(sw.Points)+19)/20)
	for i, p := range sw.Points {
		if i%step != 0 && i != len(sw.Points)-1 {
			continue
		}
		void := ""
		if len(p.Void) > 0 {
			void = " void"
		}
		fmt.Fprintf(&b, "%8d %10.3f  %5d %5d  %5d %5d  %5d %5d%s\n", p.Byte, float64(p.NS)/1e6, p.Warn.Stored, p.Warn.Wire,
			p.Backlog.Stored, p.Backlog.Wire, p.Panic.Stored, p.Panic.Wire, void)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
