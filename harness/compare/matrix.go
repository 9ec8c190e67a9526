// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"lastpage/harness"
	"lastpage/harness/grade"
)

// MatrixSchema names the form of matrix.json.
const MatrixSchema = "lastpage.matrix/1"

// MatrixName is the file of a matrix in its folder.
const MatrixName = "matrix.json"

// Matrix is matrix.json: strategies against scenarios.
type Matrix struct {
	Schema     string        `json:"schema"`
	Status     string        `json:"status"`
	Board      string        `json:"board"`
	Baud       int           `json:"baud"`
	Backlog    int           `json:"backlog_records"`
	RecordLen  int           `json:"record_len"`
	Strategies []Column      `json:"strategies"`
	Scenarios  []string      `json:"scenarios"`
	Made       string        `json:"made_by,omitempty"`
	Conditions Conditions    `json:"conditions,omitempty"`
	Started    time.Time     `json:"started"`
	Took       time.Duration `json:"took_ns"`
	Cells      []*Cell       `json:"cells"`

	out *Folder
	mu  sync.Mutex
}

// Column is a strategy of a matrix.
type Column struct {
	Name    string            `json:"name"`
	Release string            `json:"release"`
	Console string            `json:"console"`
	Cmdline string            `json:"cmdline"`
	Mode    string            `json:"mode"`
	Repeats bool              `json:"repeats"` // equal orders give equal bytes
	CPUs    int               `json:"cpus"`
	Origin  map[string]string `json:"origin,omitempty"`
}

// Cell is one strategy in one scenario.
type Cell struct {
	Strategy  string           `json:"strategy"`
	Scenario  string           `json:"scenario"`
	Dies      bool             `json:"dies,omitempty"`  // the scenario ends the machine before its kernel has
	Delay     bool             `json:"delay,omitempty"` // it is there for the time from panic() to the crash kernel
	Fault     Fault            `json:"fault,omitempty"` // who is to blame that there is no trial
	Why       string           `json:"why,omitempty"`   // and what happened
	Reference string           `json:"reference,omitempty"`
	Trials    []*CellTrial     `json:"trials"`
	Voids     []harness.Voided `json:"voids"`
}

// CellTrial is a valid trial of a cell.
type CellTrial struct {
	Course int            `json:"course,omitempty"` // 0: the board\'s own
	Dir    string         `json:"dir"`
	Mode   string         `json:"mode"` // how the wire was made and the guest started
	Inject string         `json:"inject,omitempty"`
	EndBy  string         `json:"end_by"`
	Words  *harness.Words `json:"words"`
	Grade  *grade.Grade   `json:"grade"`
}

// MatrixOrder is what a matrix has to do.
type MatrixOrder struct {
	Scenarios []harness.Scenario
	Injects   []harness.Inject // of scenarios that bring none
	Shape     *harness.Shape
	PhaseUS   uint32
	Trials    int // at most so many of each scenario; 0: all that make it
	Retries   int
	Workers   int
	Ensemble  Ensemble // of every cell
	Out       *Folder
}

// order is the order of one scenario.
func (o *MatrixOrder) order(sc harness.Scenario) (RunOrder, error) {
	or := RunOrder{Series: harness.Series{Scenario: sc, Shape: o.Shape, PhaseUS: o.PhaseUS, Retries: o.Retries}, Ensemble: o.Ensemble, Trials: max(1, sc.Trials),
		Out: &Folder{Dir: filepath.Join(o.Out.Dir, strings.ReplaceAll(sc.Name, ":", "-"))}}
	if sc.Interrupted {
		or.Injects = o.Injects
		if len(sc.Injects) > 0 {
			or.Injects = nil
		}
		for _, text := range sc.Injects {
			in, err := harness.ParseInject(text)
			if err != nil {
				return or, err
			}
			or.Injects = append(or.Injects, in)
		}
		or.Trials = max(sc.Trials, len(or.Injects))
	}
	if o.Ensemble.Courses > 0 && !sc.Interrupted { // its moments differ from course to course
		or.Trials = 1
	}
	if o.Trials > 0 {
		or.Trials = min(or.Trials, o.Trials)
	}
	return or, nil
}

// Count is how many trials a scenario takes of each strategy, its reference among them.
func (o *MatrixOrder) Count(sc harness.Scenario) (int, error) {
	or, err := o.order(sc)
	return or.Count(), err
}

// ExecuteMatrix fills a matrix in o.Out, or goes on with one that is there: cells that are done stay. A scenario that a subject cannot
// play is a cell with a reason; a lab failure ends the matrix.
func ExecuteMatrix(ctx context.Context, o MatrixOrder, subjects []*harness.Subject, tell Progress) (*Matrix, error) {
	shape := harness.DefaultShape()
	if o.Shape != nil {
		shape = *o.Shape
	}
	now := conditions(&harness.Series{Shape: &shape})
	o.Ensemble.conditions(now)
	for _, s := range subjects {
		now.subject(s)
	}
	for _, sc := range o.Scenarios {
		if sc.Digest != "" {
			now["scenario "+sc.Name] = sc.Digest
		}
	}
	m := &Matrix{}
	found, err := o.Out.load(MatrixName, m, MatrixSchema, func() string { return m.Schema })
	switch {
	case err != nil:
		return nil, err
	case !found:
		m = &Matrix{Schema: MatrixSchema, Board: subjects[0].Board, Baud: subjects[0].Frame.Baud, Backlog: shape.Backlog, RecordLen: shape.RecordLen,
			Started: time.Now().UTC(), Conditions: Conditions{}, Cells: []*Cell{}}
	default:
		if err := m.conditions().agree(now, o.Out.Dir); err != nil {
			return nil, err
		}
	}
	m.out, m.Status, m.Made = o.Out, harness.Unfinished, harness.Version()
	m.head(o, subjects, now)
	d, todo := newSchedule[harness.Scenario](), 0
	for _, s := range subjects {
		for _, sc := range o.Scenarios {
			if m.Cell(s.Strategy, sc.Name) == nil {
				d.add(s, sc)
				todo++
			}
		}
	}
	start, total := time.Now(), len(subjects)*len(o.Scenarios)
	others := len(m.Cells) - (total - todo) // cells that nobody asks for now
	err = d.work(ctx, o.Workers, true, func(ctx context.Context, j job[harness.Scenario]) error {
		c, err := o.cell(ctx, j.s, j.what, func(what string) {
			m.mu.Lock()
			defer m.mu.Unlock()
			if tell != nil {
				tell(j.s.Strategy, j.what.Name+": "+what, len(m.Cells)-others, total)
			}
		})
		if err == nil {
			err = m.add(c)
		}
		if err != nil {
			return fmt.Errorf("%s, %s: %w", j.s.Strategy, j.what.Name, err)
		}
		return nil
	})
	m.Took += time.Since(start)
	if err == nil {
		m.Status = harness.Finished
	}
	return m, errors.Join(err, m.save())
}

// conditions are what all cells have in common, also of a matrix that was made before they were written down.
func (m *Matrix) conditions() Conditions {
	if len(m.Conditions) > 0 {
		return m.Conditions
	}
	c := Conditions{"board": m.Board, "baud": fmt.Sprint(m.Baud), "backlog_records": fmt.Sprint(m.Backlog), "record_len": fmt.Sprint(m.RecordLen)}
	for _, s := range m.Strategies {
		c["cmdline of "+s.Name] = s.Cmdline
	}
	return c
}

// head notes what the matrix is made of, in the order asked for; what earlier sessions had stays.
func (m *Matrix) head(o MatrixOrder, subjects []*harness.Subject, now Conditions) {
	m.Conditions = m.conditions()
	maps.Copy(m.Conditions, now)
	for _, s := range subjects {
		c := Column{Name: s.Strategy, Release: s.Release, Console: s.Console, Cmdline: s.Cmdline, Mode: s.Mode, Repeats: s.Repeats, CPUs: s.CPUs, Origin: s.Origin}
		if !slices.ContainsFunc(m.Strategies, func(x Column) bool { return x.Name == c.Name }) {
			m.Strategies = append(m.Strategies, c)
		}
	}
	for _, sc := range o.Scenarios {
		if !slices.Contains(m.Scenarios, sc.Name) {
			m.Scenarios = append(m.Scenarios, sc.Name)
		}
	}
}

// cell runs one strategy in one scenario.
func (o *MatrixOrder) cell(ctx context.Context, s *harness.Subject, sc harness.Scenario, step func(string)) (*Cell, error) {
	c := &Cell{Strategy: s.Strategy, Scenario: sc.Name, Dies: sc.Dies(), Delay: sc.Delay, Trials: []*CellTrial{}, Voids: []harness.Voided{}}
	or, err := o.order(sc)
	if err != nil {
		return nil, err
	}
	row := newRow(s)
	err = or.fill(ctx, []*harness.Subject{s}, []*Row{row}, &sync.Mutex{}, func(_ *harness.Subject, what string) { step(what) }, func() error { return nil })
	if err != nil {
		return nil, err
	}
	c.Fault, c.Why = row.Fault, row.Why
	c.Voids = append(c.Voids, row.Voids()...)
	for _, course := range row.Courses {
		if c.Reference == "" {
			c.Reference = course.Reference
		}
		for _, dir := range course.Trials {
			ct, err := cellTrial(ctx, dir, s.Mode)
			if err != nil {
				return nil, err
			}
			if course.Course != nil {
				ct.Course = course.Course.N
			}
			c.Trials = append(c.Trials, ct)
		}
	}
	if len(c.Trials) == 0 && c.Fault == "" {
		c.Fault, c.Why = NoReference, "every trial is void"
	}
	return c, nil
}

// cellTrial reads a trial for a cell.
func cellTrial(ctx context.Context, dir, mode string) (*CellTrial, error) {
	t, err := harness.LoadTrial(dir)
	if err != nil {
		return nil, err
	}
	ct := &CellTrial{Dir: dir, Mode: t.ModeOr(mode), Grade: t.Grade}
	if t.Order.Inject != nil {
		ct.Inject = t.Order.Inject.String()
	}
	if t.End != nil {
		ct.EndBy = t.End.By
	}
	if ct.Words, err = harness.LastWords(ctx, t); err != nil && ctx.Err() != nil {
		return nil, err
	}
	return ct, nil
}

func (m *Matrix) add(c *Cell) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Cells = append(m.Cells, c)
	return m.save()
}

// Modes are those of a strategy's trials; what its board is set to, as long as there is none.
func (m *Matrix) Modes(c Column) string {
	var all []string
	for _, cell := range m.Cells {
		for _, t := range cell.Trials {
			if cell.Strategy == c.Name && t.Mode != "" && !slices.Contains(all, t.Mode) {
				all = append(all, t.Mode)
			}
		}
	}
	if all == nil {
		return c.Mode
	}
	slices.Sort(all)
	return strings.Join(all, " and ")
}

// Counts are the cells that are filled, and their trials.
func (m *Matrix) Counts() (cells, valid, void int) {
	for _, c := range m.Cells {
		cells, valid, void = cells+1, valid+len(c.Trials), void+len(c.Voids)
	}
	return cells, valid, void
}

// Cell finds a cell; nil if it is not there.
func (m *Matrix) Cell(strategy, scenario string) *Cell {
	for _, c := range m.Cells {
		if c.Strategy == strategy && c.Scenario == scenario {
			return c
		}
	}
	return nil
}

func (m *Matrix) save() error { return harness.WriteJSON(filepath.Join(m.out.Dir, MatrixName), m) }
