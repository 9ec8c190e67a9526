// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/grade"
	"lastpage/harness/report/plot"
)

// drawSweeps writes sweep.png and sweep.svg, one picture of all sweeps, into dir. The strategies that were wanted and have no sweep yet are
// named in it.
func drawSweeps(sweeps []*compare.Sweep, wanted []string, dir string) error {
	if len(sweeps) == 0 {
		return nil
	}
	p := picture(sweeps, wanted)
	for name, draw := range map[string]func(io.Writer) error{"sweep.png": p.PNG, "sweep.svg": p.SVG} {
		var b bytes.Buffer
		if err := errors.Join(draw(&b), harness.WriteFile(filepath.Join(dir, name), b.Bytes())); err != nil {
			return err
		}
	}
	return nil
}

// picture shows the share of the WARN against the moment of its interruption; of one strategy alone also the backlog's and the panic's.
// Void points are left out.
func picture(sweeps []*compare.Sweep, wanted []string) *plot.Picture {
	p := &plot.Picture{Title: "What is left of a WARN that is interrupted", X: "interruption after so many bytes of wire from the provocation",
		Y: "% of the records"}
	if len(sweeps) > 0 {
		p.Title += ": " + sweeps[0].Scenario
	}
	var lacks []string
	for _, name := range wanted {
		i := slices.IndexFunc(sweeps, func(sw *compare.Sweep) bool { return sw.Strategy == name })
		switch {
		case i < 0:
			lacks = append(lacks, name+" not begun")
		case sweeps[i].Status != harness.Finished && len(sweeps[i].Points) < sweeps[i].Wanted:
			lacks = append(lacks, fmt.Sprintf("%s has %d of %d points", name, len(sweeps[i].Points), sweeps[i].Wanted))
		case sweeps[i].Status != harness.Finished:
			lacks = append(lacks, name+" has no certain edge")
		}
	}
	p.Unfinished = strings.Join(lacks, "; ")
	for group, sw := range sweeps {
		p.Span = max(p.Span, float64(sw.Span))
		p.Notes = append(p.Notes, fmt.Sprintf("%s: Linux %s, %s, %d CPUs, %d baud, wire %s; backlog %d records; %d points, %d void", sw.Strategy,
			sw.Release, sw.Board, sw.CPUs, sw.Baud, sw.Mode, sw.Backlog, len(sw.Points), sw.Voids))
		warn := sw.Expected[grade.Warn].Records
		all := func(of int) func(*compare.Point) int { return func(*compare.Point) int { return of } }
		p.Series = append(p.Series,
			plot.Series{Name: sw.Strategy + ": WARN stored" + whole(sw.WarnStored), Group: group,
				Points: shares(sw, func(p *compare.Point) int { return p.Warn.Stored }, all(warn))},
			plot.Series{Name: sw.Strategy + ": WARN on the wire" + whole(sw.WarnSent), Group: group, Dashed: true,
				Points: shares(sw, func(p *compare.Point) int { return p.Warn.Wire }, all(warn))})
		if len(sweeps) == 1 {
			p.Series = append(p.Series,
				plot.Series{Name: "backlog on the wire", Group: 1, Dashed: true,
					Points: shares(sw, func(p *compare.Point) int { return p.Backlog.Wire }, all(sw.Backlog))},
				plot.Series{Name: "panic on the wire, of what was stored", Group: 2, Dashed: true,
					Points: shares(sw, func(p *compare.Point) int { return p.Panic.Wire }, func(p *compare.Point) int { return p.Panic.Stored })})
		}
	}
	return p
}

// shares are the points of one curve; those of which nothing is expected are left out.
func shares(sw *compare.Sweep, n, of func(*compare.Point) int) []plot.Point {
	var xy []plot.Point
	for _, p := range sw.Points {
		if of := of(p); len(p.Void) == 0 && of > 0 {
			xy = append(xy, plot.Point{X: float64(p.Byte), Y: 100 * float64(n(p)) / float64(of)})
		}
	}
	return xy
}

func whole(e *compare.Edge) string {
	switch {
	case e == nil:
		return ", whole from ?"
	case e.Never:
		return ", at no point whole"
	}
	return fmt.Sprintf(", whole from byte %d, %.1f ms", e.Byte, float64(e.NS)/1e6)
}
