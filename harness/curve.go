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
	b.WriteString("inject\tbyte\tns\twarn_stored\twarn_wire\tbacklog_stored\tbacklog_wire\tpanic_stored\tpanic_wire\tletter\tvoid\n")
	for _, p := range sw.Points {
		fmt.Fprintf(&b, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\n", p.Inject, p.Byte, p.NS, p.Warn.Stored, p.Warn.Wire, p.Backlog.Stored, p.Backlog.Wire,
			p.Panic.Stored, p.Panic.Wire, p.Letter, strings.Join(p.Void, "; "))
	}
	return errors.Join(writeFile(filepath.Join(sw.dir, "sweep.tsv"), []byte(b.String())), sw.draw())
}

// draw plots the share of each section against the moment of the interruption. Void points are left out.
func (sw *Sweep) draw() error {
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
		n    func(*Point) int
	}{
		{"backlog on the wire", color.RGBA{190, 190, 190, 255}, 5, nil, sw.Backlog, func(p *Point) int { return p.Backlog.Wire }},
		{"WARN stored", color.RGBA{120, 170, 240, 255}, 3, nil, sw.Expected[grade.Warn].Records, func(p *Point) int { return p.Warn.Stored }},
		{"WARN on the wire", color.RGBA{200, 30, 30, 255}, 1.2, []vg.Length{3, 2}, sw.Expected[grade.Warn].Records, func(p *Point) int { return p.Warn.Wire }},
		{"panic on the wire, of what was stored", color.RGBA{0, 130, 60, 255}, 1.2, []vg.Length{1, 3}, 0, func(p *Point) int { return p.Panic.Wire }},
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
		if err := pl.Save(20*vg.Centimeter, 11*vg.Centimeter, filepath.Join(sw.dir, name)); err != nil {
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

func cpus(n int) string {
	if n == 1 {
		return "1 CPU"
	}
	return fmt.Sprintf("%d CPUs", n)
}

// stretch is a row of points at which WARN and backlog came out alike.
type stretch struct {
	first  *Point
	points int
}

// maxStretches are printed, about.
const maxStretches = 24

func (sw *Sweep) stretches() []stretch {
	var all []stretch
	for _, p := range sw.Points {
		if n := len(all); n > 0 {
			if q := all[n-1].first; q.Warn == p.Warn && q.Backlog == p.Backlog && len(q.Void) == 0 && len(p.Void) == 0 {
				all[n-1].points++
				continue
			}
		}
		all = append(all, stretch{p, 1})
	}
	return all
}

// WriteText prints a sweep in few lines: where the whole WARN is stored, and the curve where it changes.
func (sw *Sweep) WriteText(w io.Writer) error {
	var b strings.Builder
	want := sw.Expected[grade.Warn].Records
	fmt.Fprintf(&b, "%s: Linux %s (%s), %s, %d baud\n", sw.Strategy, sw.Release, sw.Console, cpus(sw.CPUs), sw.Baud)
	fmt.Fprintf(&b, "wire %s; %s; a WARN has %d records\n", sw.Mode, sw.Scenario, want)
	fmt.Fprintf(&b, "backlog %d records of %d bytes; %.0f s of trials\n", sw.Backlog, sw.RecordLen, sw.Took.Seconds())
	fmt.Fprintf(&b, "%d points by %s over %d bytes of wire, %.1f ms; %d void\n", len(sw.Points), sw.By, sw.Span, float64(sw.SpanNS)/1e6, sw.Voids)
	if sw.Status != Finished {
		fmt.Fprintf(&b, "UNFINISHED: %d points were to be done\n", sw.Wanted)
	}
	for _, f := range []struct {
		what string
		at   *Edge
	}{{"stored", sw.WarnStored}, {"sent", sw.WarnSent}} {
		at := "at no point"
		if f.at != nil {
			at = fmt.Sprintf("from byte %d, %.4f ms on", f.at.Byte, float64(f.at.NS)/1e6)
			if f.at.NotAt != nil {
				at += fmt.Sprintf("; not at %.4f ms", float64(*f.at.NotAt)/1e6)
			}
		}
		fmt.Fprintf(&b, "whole WARN %s: %s\n", f.what, at)
	}
	fmt.Fprintf(&b, "\n%8s %10s  %-11s  %-11s  %-11s\n%8s %10s  %5s %5s  %5s %5s  %5s %5s  %5s\n", "NMI at", "", "warn", "backlog", "panic",
		"byte", "ms", "store", "wire", "store", "wire", "store", "wire", "points")
	rows := sw.stretches()
	left := 0
	for i, r := range rows {
		// All of them where there is room, else the long ones, the ends and some between.
		long := r.points*maxStretches >= len(sw.Points)
		if step := (len(rows) + maxStretches - 1) / maxStretches; !long && i%step != 0 && i != len(rows)-1 {
			left++
			continue
		}
		p, void := r.first, ""
		if len(p.Void) > 0 {
			void = " void"
		}
		fmt.Fprintf(&b, "%8d %10.3f  %5d %5d  %5d %5d  %5d %5d  %5d%s\n", p.Byte, float64(p.NS)/1e6, p.Warn.Stored, p.Warn.Wire,
			p.Backlog.Stored, p.Backlog.Wire, p.Panic.Stored, p.Panic.Wire, r.points, void)
	}
	b.WriteString("a row is the first of so many points in a row with the same WARN and\nbacklog")
	if left > 0 {
		fmt.Fprintf(&b, "; %d rows are left out here, sweep.tsv has every point", left)
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}
