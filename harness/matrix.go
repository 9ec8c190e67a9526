package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// MatrixSchema names the form of matrix.json.
const MatrixSchema = "lastpage.matrix/1"

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
	Started    time.Time     `json:"started"`
	Took       time.Duration `json:"took_ns"`
	Cells      []*Cell       `json:"cells"`

	dir string
	mu  sync.Mutex
}

// Column is a strategy of a matrix.
type Column struct {
	Name    string `json:"name"`
	Release string `json:"release"`
	Console string `json:"console"`
	Cmdline string `json:"cmdline"`
	Mode    string `json:"mode"`
	CPUs    int    `json:"cpus"`
}

// Cell is one strategy in one scenario.
type Cell struct {
	Strategy  string       `json:"strategy"`
	Scenario  string       `json:"scenario"`
	Why       string       `json:"why,omitempty"` // why there is no trial
	Reference string       `json:"reference,omitempty"`
	Trials    []*CellTrial `json:"trials"`
	Voids     []Voided     `json:"voids"`
}

// CellTrial is a valid trial of a cell.
type CellTrial struct {
	Dir    string       `json:"dir"`
	Mode   string       `json:"mode"` // how the wire was made and the guest started
	Inject string       `json:"inject,omitempty"`
	EndBy  string       `json:"end_by"`
	Words  *Words       `json:"words"`
	Grade  *grade.Grade `json:"grade"`
}

// MatrixOrder is what a matrix has to do.
type MatrixOrder struct {
	Scenarios []Scenario
	Injects   []Inject // of scenarios that bring none
	Shape     func(*plan.Plan)
	PhaseUS   uint32
	Trials    int // at most so many of each scenario; 0: all that make it
	Retries   int
	Workers   int
	Out       string
}

// order is the order of one scenario.
func (o *MatrixOrder) order(sc Scenario) (Order, error) {
	or := Order{Scenario: sc, Shape: o.Shape, PhaseUS: o.PhaseUS, Retries: o.Retries, Trials: max(1, sc.Trials),
		Out: filepath.Join(o.Out, strings.ReplaceAll(sc.Name, ":", "-"))}
	if sc.Interrupted {
		or.Injects = o.Injects
		if len(sc.Injects) > 0 {
			or.Injects = nil
		}
		for _, text := range sc.Injects {
			in, err := ParseInject(text)
			if err != nil {
				return or, err
			}
			or.Injects = append(or.Injects, in)
		}
		or.Trials = max(sc.Trials, len(or.Injects))
	}
	if o.Trials > 0 {
		or.Trials = min(or.Trials, o.Trials)
	}
	return or, nil
}

// ExecuteMatrix fills a matrix in o.Out, or goes on with one that is there: cells that are done stay. A scenario that a subject cannot
// play is a cell with a reason; a lab failure ends the matrix.
func ExecuteMatrix(ctx context.Context, o MatrixOrder, subjects []Subject, tell Progress) (*Matrix, error) {
	m, err := loadMatrix(o.Out)
	if err != nil {
		return nil, err
	}
	p := plan.Default("00000000", 2)
	if o.Shape != nil {
		o.Shape(p)
	}
	now := &Matrix{Schema: MatrixSchema, Status: Unfinished, Board: subjects[0].Board, Baud: subjects[0].Frame.Baud, Backlog: p.Backlog,
		RecordLen: p.RecordLen, Started: time.Now().UTC(), dir: o.Out}
	if m == nil {
		m = now
	} else if m.conditions() != now.conditions() {
		return nil, fmt.Errorf("matrix %s: what is there was made with %s, now it is %s: take a new folder", o.Out, m.conditions(), now.conditions())
	}
	m.Status = Unfinished
	if err := m.head(o, subjects); err != nil {
		return nil, err
	}
	d, todo := schedule{on: map[int]*queue{}}, 0
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
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, max(1, o.Workers))
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() {
			for ctx.Err() == nil {
				j, ok := d.next(w)
				if !ok {
					return
				}
				c, err := o.cell(ctx, j.s, j.sc, func(what string) {
					m.mu.Lock()
					defer m.mu.Unlock()
					if tell != nil {
						tell(j.s.Strategy, j.sc.Name+": "+what, len(m.Cells)-others, total)
					}
				})
				if err == nil {
					err = m.add(c)
				}
				if err != nil {
					errs[w] = fmt.Errorf("%s, %s: %w", j.s.Strategy, j.sc.Name, err)
					cancel()
					return
				}
				d.done(j)
			}
		})
	}
	wg.Wait()
	m.Took += time.Since(start)
	err = errors.Join(append(errs, context.Cause(ctx))...)
	if err == nil {
		m.Status = Finished
	}
	return m, errors.Join(err, m.save())
}

// conditions is what all cells have in common.
func (m *Matrix) conditions() string {
	return fmt.Sprintf("board %s, %d baud, backlog %d records of %d bytes", m.Board, m.Baud, m.Backlog, m.RecordLen)
}

// head notes what the matrix is made of, in the order asked for; what earlier sessions had stays. A strategy that has become another
// kernel or command line since then is an error.
func (m *Matrix) head(o MatrixOrder, subjects []Subject) error {
	for _, s := range subjects {
		c := Column{Name: s.Strategy, Release: s.Release, Console: s.Console, Cmdline: s.Cmdline, Mode: s.Mode, CPUs: s.CPUs}
		i := slices.IndexFunc(m.Strategies, func(x Column) bool { return x.Name == c.Name })
		if i < 0 {
			m.Strategies = append(m.Strategies, c)
			continue
		}
		if was := m.Strategies[i]; was.Release != c.Release || was.Cmdline != c.Cmdline {
			return fmt.Errorf("matrix %s: %s was Linux %s with %q there, now it is %s with %q: take a new folder", o.Out, c.Name, was.Release,
				was.Cmdline, c.Release, c.Cmdline)
		}
	}
	for _, sc := range o.Scenarios {
		if !slices.Contains(m.Scenarios, sc.Name) {
			m.Scenarios = append(m.Scenarios, sc.Name)
		}
	}
	return nil
}

// cell runs one strategy in one scenario.
func (o *MatrixOrder) cell(ctx context.Context, s Subject, sc Scenario, step func(string)) (*Cell, error) {
	c := &Cell{Strategy: s.Strategy, Scenario: sc.Name, Trials: []*CellTrial{}, Voids: []Voided{}}
	or, err := o.order(sc)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(or.Out, 0o755); err != nil {
		return nil, err
	}
	// What a session left that did not come to the end of this cell is no part of it.
	if base := filepath.Join(or.Out, s.Strategy); exists(base) {
		if err := os.Rename(base, fmt.Sprintf("%s.left-%d", base, time.Now().UnixNano())); err != nil {
			return nil, err
		}
	}
	if s.CPUs < sc.CPUs {
		c.Why = fmt.Sprintf("needs %d CPUs", sc.CPUs)
		return c, nil
	}
	row := &Row{Trials: []string{}, Voids: []Voided{}, Graded: []*grade.Grade{}}
	var done int
	switch err := or.subject(ctx, s, row, step, &done); {
	case errors.Is(err, errNoSymbol):
		c.Why = err.Error()
		return c, nil
	case err != nil:
		return nil, err
	}
	c.Reference, c.Voids = row.Reference, row.Voids
	for _, dir := range row.Trials {
		t, err := LoadTrial(dir)
		if err != nil {
			return nil, err
		}
		ct := &CellTrial{Dir: dir, Mode: t.mode(s.Mode), Grade: t.Grade}
		if t.Asked.Inject != nil {
			ct.Inject = t.Asked.Inject.String()
		}
		if t.End != nil {
			ct.EndBy = t.End.By
		}
		if ct.Words, err = LastWords(ctx, t); err != nil && ctx.Err() != nil {
			return nil, err
		}
		c.Trials = append(c.Trials, ct)
	}
	if len(c.Trials) == 0 {
		c.Why = "every trial is void"
	}
	return c, nil
}

func (m *Matrix) add(c *Cell) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Cells = append(m.Cells, c)
	return m.save()
}

// modes are those of a strategy's trials; what its board is set to, as long as there is none.
func (m *Matrix) modes(c Column) string {
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

// counts are the cells that are filled, and their trials.
func (m *Matrix) counts() (cells, valid, void int) {
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

func (m *Matrix) save() error { return writeJSON(filepath.Join(m.dir, "matrix.json"), m) }

func loadMatrix(dir string) (*Matrix, error) {
	path := filepath.Join(dir, "matrix.json")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := &Matrix{dir: dir}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if m.Schema != MatrixSchema {
		return nil, fmt.Errorf("read %s: schema %q, this program reads %q", path, m.Schema, MatrixSchema)
	}
	return m, nil
}
