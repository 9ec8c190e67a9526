// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"lastpage/harness"
	"lastpage/harness/gate"
)

// GateSchema names the form of gate.json.
const GateSchema = "lastpage.gate/1"

// GateName is the file of a gate in its folder.
const GateName = "gate.json"

// The names that the two kernels of a gate have as strategies.
const (
	BaseName = "base"
	HeadName = "head"
)

// Gate is gate.json: two kernels, what they did in the same courses, and the verdict.
type Gate struct {
	Schema     string         `json:"schema"`
	Status     string         `json:"status"`
	Made       string         `json:"made_by"` // which lastpage
	Command    string         `json:"command"`
	Conditions Conditions     `json:"conditions"`
	Started    time.Time      `json:"started"`
	Finished   *time.Time     `json:"finished"`
	Base       Variant        `json:"base"`
	Head       Variant        `json:"head"`
	Board      string         `json:"board"`
	Mode       string         `json:"mode"`
	Baud       int            `json:"baud"`
	CPUs       int            `json:"cpus"`
	Ensemble   Ensemble       `json:"ensemble"` // of each side; of a sequential gate the most that are made
	Sequential bool           `json:"sequential"`
	Second     int            `json:"second"` // courses of each side at the second look, where the ensemble's leave it open; 0: none was declared
	Policy     *gate.Policy   `json:"policy"`
	Equal      bool           `json:"equal"` // the two kernels and their command lines are equal byte for byte
	Decision   *gate.Decision `json:"decision"`
	// Fault says why a kernel was not tried at all: it does not apply, build or boot; "": it was.
	Fault     string      `json:"fault"`
	Scenarios []*GateRun  `json:"scenarios"`
	Flips     []*Flip     `json:"flips"`
	Reworded  []*Reworded `json:"reworded"`

	out *Folder
}

// Variant is one of the two kernels.
type Variant struct {
	Asked   string            `json:"asked"` // what the user named
	Kernel  string            `json:"kernel"`
	Release string            `json:"release"`
	Cmdline string            `json:"cmdline"`
	Image   string            `json:"image"` // sha256 of the kernel, the guest's init and the probe; "" where there is none
	Patches []string          `json:"patches"`
	Origin  map[string]string `json:"origin,omitempty"`
}

// GateRun is one scenario of a gate.
type GateRun struct {
	Scenario string   `json:"scenario"`
	Dir      string   `json:"dir"` // folder of its run
	Moments  []string `json:"moments"`
	Courses  int      `json:"courses"` // of each side
	Look     int      `json:"look"`    // which look decided: 1, or 2 if the first left it open
	// Alike are pairs of courses that were still equal, in the records that were pending, when the trouble began.
	Alike int `json:"alike"`
	// Voids and Tried count the trials of base and of head.
	Voids [2]int `json:"voids"`
	Tried [2]int `json:"tried"`

	run *Run
}

// GateOrder is what a gate has to do.
type GateOrder struct {
	Scenarios  []harness.Scenario
	Policy     *gate.Policy
	Ensemble   Ensemble
	Sequential bool // the board never repeats itself: courses are added until the policy can decide, up to the ensemble
	// Second is how many courses of each side are there at the second look, where those of the ensemble leave it open; 0: there is none.
	Second  int
	Shape   *harness.Shape
	PhaseUS uint32
	Retries int
	Workers int
	Out     *Folder

	other map[string]bool // by folder of a trial: its panic ends in other words than base's
}

// order is the run of one scenario.
func (o *GateOrder) order(sc harness.Scenario) (RunOrder, error) {
	m := MatrixOrder{Shape: o.Shape, PhaseUS: o.PhaseUS, Retries: o.Retries, Ensemble: o.Ensemble, Out: &Folder{}}
	if o.Out != nil { // else it is only counted
		m.Out = o.Out
	}
	for _, text := range o.Policy.Moments {
		in, err := harness.ParseInject(text)
		if err != nil {
			return RunOrder{}, err
		}
		m.Injects = append(m.Injects, in)
	}
	or, err := m.order(sc)
	or.Ensemble = o.Ensemble
	or.Workers, or.Turns = o.Workers, true
	if err == nil {
		err = or.Check()
	}
	return or, err
}

// Count is how many trials the gate takes at most of one kernel, if none is void.
func (o *GateOrder) Count() (n int, err error) {
	for _, sc := range o.Scenarios {
		or, err := o.order(sc)
		if err != nil {
			return 0, err
		}
		n += or.Count()
	}
	return n, nil
}

// conditions are those under which a gate may be gone on with: all of them. A gate with other courses is another gate.
func (o *GateOrder) conditions(g *Gate) (Conditions, error) {
	c := conditions(&harness.Series{Shape: o.Shape})
	o.Ensemble.conditions(c)
	policy, err := json.Marshal(o.Policy)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, sc := range o.Scenarios {
		names = append(names, strings.TrimSpace(sc.Name+" "+sc.Digest))
	}
	c["policy"], c["scenarios"], c["courses"], c["board"], c["baud"] = string(policy), strings.Join(names, ","), fmt.Sprint(o.Ensemble.Courses), g.Board, fmt.Sprint(g.Baud)
	if o.Second > 0 {
		c["courses"] += fmt.Sprintf(", then %d", o.Second)
	}
	c["base"], c["head"] = g.Base.Image+" "+g.Base.Cmdline, g.Head.Image+" "+g.Head.Cmdline
	return c, nil
}

// Begin takes the gate's folder: a gate that is there must have been made under the same conditions.
func (g *Gate) Begin(o *GateOrder) error {
	g.Schema, g.Status, g.Made, g.Started, g.out = GateSchema, harness.Unfinished, harness.Version(), time.Now().UTC(), o.Out
	g.Policy, g.Ensemble, g.Sequential, g.Second = o.Policy, o.Ensemble, o.Sequential, o.Second
	g.Scenarios, g.Flips, g.Reworded = []*GateRun{}, []*Flip{}, []*Reworded{}
	var err error
	if g.Conditions, err = o.conditions(g); err != nil {
		return err
	}
	var old Gate
	found, err := o.Out.load(GateName, &old, GateSchema, func() string { return old.Schema })
	if err != nil {
		return err
	}
	if found {
		if err := old.Conditions.agree(g.Conditions, o.Out.Dir); err != nil {
			return err
		}
		g.Started = old.Started
	}
	return g.save()
}

// Ruin ends a gate whose kernel could not be made: of which verdict it is, and why.
func (g *Gate) Ruin(v gate.Verdict, why string) error {
	g.Fault = why
	return g.end(&gate.Decision{Verdict: v, Why: why, Findings: []gate.Finding{}})
}

func (g *Gate) end(d *gate.Decision) error {
	now := time.Now().UTC()
	g.Decision, g.Status, g.Finished = d, harness.Finished, &now
	return g.save()
}

func (g *Gate) save() error { return harness.WriteJSON(filepath.Join(g.out.Dir, GateName), g) }

// LoadGate reads the gate of a folder.
func LoadGate(dir string) (*Gate, error) {
	g := &Gate{out: &Folder{Dir: dir}}
	found, err := g.out.load(GateName, g, GateSchema, func() string { return g.Schema })
	if err == nil && !found {
		err = errors.New("no " + GateName + " in it")
	}
	if err != nil {
		return nil, fmt.Errorf("gate %s: %w", dir, err)
	}
	return g, nil
}
