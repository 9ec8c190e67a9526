// SPDX-License-Identifier: Apache-2.0

package results

import (
	"fmt"

	"lastpage/harness"
	"lastpage/harness/compare"
	"lastpage/harness/gate"
	"lastpage/harness/grade"
)

// OfGate has a case for the verdict and one for each rule in each scenario.
func OfGate(g *compare.Gate) *Suite {
	s := &Suite{Name: "gate", Made: g.Made, Command: g.Command, Board: g.Board, Started: g.Started}
	if g.Finished != nil {
		s.Finished = *g.Finished
	}
	const head = 1
	for i, v := range []compare.Variant{g.Base, g.Head} {
		k := Kernel{Name: []string{compare.BaseName, compare.HeadName}[i] + " (" + v.Asked + ")", Release: v.Release, Key: v.Image + v.Cmdline + fmt.Sprint(v.Patches), Origin: v.Origin}
		if i == head && g.Head.Image == "" {
			k.Broken = g.Fault
		}
		s.Kernels = append(s.Kernels, k)
	}
	if g.Decision == nil {
		s.Cases = append(s.Cases, Case{Group: "gate", Name: "verdict", Kernel: head, Status: Miss, Why: "the gate was not finished"})
		return s
	}
	s.Cases = append(s.Cases, Case{Group: "gate", Name: "verdict", Kernel: head, Status: ofVerdict(g.Decision.Verdict), Why: sentence("%s", g.Decision.Why)})
	for _, f := range g.Decision.Findings {
		c := Case{Group: f.Scenario, Name: f.Rule, Kernel: head, Status: ofVerdict(f.Verdict), Why: sentence("%s", f.Why)}
		if f.That != "" {
			c.Name += ": " + f.That
		}
		switch {
		case f.Rule == "can be played":
			c.Status = Skip
		case f.Rule == "void trials" && f.Verdict == gate.Unknown:
			c.Status = Miss
		}
		for _, flip := range g.Flips {
			if c.Status == Fail && flip.Scenario == f.Scenario && flip.That == f.That {
				c.Dir, c.Log = flip.Head, console(flip.Head)
				c.Why += sentence(": course %d, %s: %d records lack", flip.Course, flip.Moment, flip.Lacks)
				break
			}
		}
		s.Cases = append(s.Cases, c)
	}
	return s
}

func ofVerdict(v gate.Verdict) Status {
	return map[gate.Verdict]Status{gate.Pass: Pass, gate.Fail: Fail, gate.Unknown: Error}[v]
}

// ofFault is the status of what has no trials.
var ofFault = map[compare.Fault]Status{compare.Cannot: Skip, compare.NoSymbol: Skip, compare.KernelsFault: Fail, compare.NeverArmed: Error, compare.NeverOver: Error, compare.NoReference: Miss}

// OfRun has a case for each course of each strategy. Where a letter is required it passes or fails, else it is done.
func OfRun(r *compare.Run, require string) *Suite {
	s := &Suite{Name: "run", Made: r.Made, Started: r.Started}
	if r.Finished != nil {
		s.Finished = *r.Finished
	}
	for i, row := range r.Rows {
		s.Board = row.Board
		s.Kernels = append(s.Kernels, Kernel{Name: row.Strategy, Release: row.Release, Key: r.Conditions["kernel of "+row.Strategy], Origin: row.Origin})
		if len(row.Courses) == 0 {
			c := Case{Group: r.Scenario, Name: row.Strategy, Kernel: i, Status: ofFault[row.Fault], Why: sentence("%s", row.Why)}
			if c.Status == "" {
				c.Status, c.Why = Miss, "it was not reached"
			}
			s.Cases = append(s.Cases, c)
		}
		for _, course := range row.Courses {
			c := Case{Group: r.Scenario, Name: row.Strategy, Kernel: i}
			if course.Course != nil {
				c.Name += " " + course.Course.String()
			}
			c.judge(course.Fault, course.Why, course.Trials, course.Graded, len(course.Voids), require)
			s.Cases = append(s.Cases, c)
		}
	}
	return s
}

// judge says what became of trials that were made together.
func (c *Case) judge(fault compare.Fault, why string, dirs []string, graded []*grade.Grade, voids int, require string) {
	if st := ofFault[fault]; st != "" {
		c.Status, c.Why = st, sentence("%s", why)
		return
	}
	if len(graded) == 0 {
		c.Status, c.Why = Miss, fmt.Sprintf("no trial counts: %d are void", voids)
		return
	}
	worst := 0
	for i, g := range graded {
		if g.Letter == "" || g.Letter > graded[worst].Letter && graded[worst].Letter != "" {
			worst = i
		}
	}
	g := graded[worst]
	c.Dir, c.Status = dirs[worst], Done
	c.Why = fmt.Sprintf("letter %s (%s), %d trials, %d void", g.Letter, g.Why, len(graded), voids)
	if g.Letter == "" {
		c.Status, c.Why = Error, "no letter: "+g.Why
	}
	if require == "" {
		return
	}
	switch gate.Require(g, require) {
	case gate.Pass:
		c.Status = Pass
	case gate.Fail:
		c.Status, c.Log = Fail, console(c.Dir)
		c.Why += ", " + require + " is required"
	default:
		c.Status = Error
	}
}

// OfSweep has a case for each sweep.
func OfSweep(all []*compare.Sweep) *Suite {
	s := &Suite{Name: "sweep"}
	for i, sw := range all {
		if i == 0 || sw.Started.Before(s.Started) {
			s.Started = sw.Started
		}
		s.Made, s.Board = sw.Made, sw.Board
		s.Kernels = append(s.Kernels, Kernel{Name: sw.Strategy, Release: sw.Release, Key: sw.Conditions["kernel of "+sw.Strategy], Origin: sw.Origin})
		c := Case{Group: sw.Scenario, Name: sw.Strategy, Kernel: i, Status: Done, Dir: sw.Reference}
		if sw.Drawn != nil {
			c.Name += " " + sw.Drawn.String()
		}
		c.Why = sentence("%d points, %d void; the whole WARN is stored %s, sent %s", len(sw.Points), sw.Voids, edge(sw.WarnStored), edge(sw.WarnSent))
		switch {
		case sw.Status != harness.Finished:
			c.Status = Error
			c.Why = "unfinished: " + c.Why
		case len(sw.Points) == sw.Voids:
			c.Status = Miss
		}
		s.Cases = append(s.Cases, c)
	}
	return s
}

func edge(e *compare.Edge) string {
	switch {
	case e == nil:
		return "from no known moment on"
	case e.Never:
		return "never"
	}
	return fmt.Sprintf("from wire byte %d on", e.Byte)
}

// OfMatrix has a case for each cell. Where a letter is required it passes or fails, else it is done.
func OfMatrix(m *compare.Matrix, require string) *Suite {
	s := &Suite{Name: "matrix", Made: m.Made, Board: m.Board, Started: m.Started}
	at := map[string]int{}
	for i, c := range m.Strategies {
		at[c.Name] = i
		s.Kernels = append(s.Kernels, Kernel{Name: c.Name, Release: c.Release, Key: m.Conditions["kernel of "+c.Name], Origin: c.Origin})
	}
	for _, cell := range m.Cells {
		c := Case{Group: cell.Scenario, Name: cell.Strategy, Kernel: at[cell.Strategy]}
		var dirs []string
		var graded []*grade.Grade
		for _, t := range cell.Trials {
			dirs, graded = append(dirs, t.Dir), append(graded, t.Grade)
		}
		c.judge(cell.Fault, cell.Why, dirs, graded, len(cell.Voids), require)
		s.Cases = append(s.Cases, c)
	}
	return s
}
