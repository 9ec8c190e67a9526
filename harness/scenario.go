// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"slices"
	"time"

	"lastpage/dut"
	"lastpage/kernels/names"
	"lastpage/kernels/plan"
)

// Scenario is what is provoked, and whether and how it is interrupted.
type Scenario struct {
	Name  string
	About string
	// Interrupted: the trial has an injected interruption; Do says which, an NMI if it is empty.
	Interrupted bool
	Do          dut.Do
	// Survives: the machine lives on when nothing interrupts it.
	Survives bool
	// Cmdline is what the scenario needs on the kernel's command line beside the strategy's.
	Cmdline string
	// CPUs is how many the machine must have; 0 is one.
	CPUs int
	// Injects are the moments that make the scenario, in the form of ParseInject; empty: the user's.
	Injects []string
	// Trials is how many different trials the scenario consists of; 0 is one for each injection.
	Trials int

	// Before is the kernel function at whose door the power goes once the interruption has come; empty: the machine goes on.
	Before string

	// Limit is how long after the provocation a trial is over, where the kernel may never come to an end of its own; 0: none. What was
	// expected says a reference in which nobody floods.
	Limit time.Duration

	// PhaseUS is by how much each trial is provoked later than the one before; it overrides the order's.
	PhaseUS uint32

	// What the guest does; the zero values are those of plan.Default.
	Provoke     plan.Provoke
	Context     plan.Context
	Nested      plan.Nested
	DieAt       plan.Step
	DieHow      plan.Death
	CPU         int // on which it is provoked
	FloodUS     int
	PanicOnOops bool
	OpenConsole bool

	// Delay: it is there for the time from panic() to the crash kernel.
	Delay bool

	// Key is sent to the console after a BREAK once the machine has survived and is silent.
	Key string

	// Of a scenario that a user wrote (harness/scenario); a built-in one has none of these.
	Digest string    // of the file
	Run    *plan.Run // what provokes in the probe's place
	// NoProbe: Run is alone in the guest. There is no backlog, and the kernel needs no headers.
	NoProbe bool
	Files   []File // what Run needs in the guest
	Keys    string // what Do sends, where it sends; after a BREAK if Break
	Break   bool
	Steps   []Step
	Expect  []string // sections that an uninterrupted trial must hold, or it is void: what was to provoke did not
	Ends    string   // the trial is over when this was on the wire and the line is silent
}

// File is a file of the guest's that a scenario brings.
type File struct {
	Guest string `json:"guest"` // absolute path there
	From  string `json:"from"`  // path here, in the store: it is named by its content
	What  string `json:"what"`  // what the user called it
}

// Step is something that is done to the machine beside the interruption. In a trial without an interruption those that come after it are not.
type Step struct {
	Name  string
	At    Inject // a share is one of what was pending at the provocation
	After string // the step, or moment of a trial, from which At counts; "": the provocation
	Do    dut.Do
	Break bool
	Keys  string
}

// Dies says whether the machine is made to end before its kernel has.
func (s *Scenario) Dies() bool { return s.DieAt != plan.StepNone || s.Before != "" }

// Scenarios lists all scenarios, simplest first. Those of a family are named FAMILY:PARAMETER.
func Scenarios() []Scenario {
	return slices.Concat(basic(), deaths(), nestings(), contests(), replays())
}

func basic() []Scenario {
	return []Scenario{
		{Name: "warn", About: "a WARN while a backlog is pending; nothing interrupts it", Survives: true,
			Provoke: plan.ProvokeWarn},
		{Name: "panic", About: "panic() while a backlog is pending", Trials: moments, PhaseUS: momentUS,
			Provoke: plan.ProvokePanic},
		{Name: "nmi-panic", About: "an NMI panics the machine while a backlog is pending", Interrupted: true, Survives: true,
			Provoke: plan.ProvokeNone},
		{Name: "break-panic", About: "BREAK and c panic the machine while a backlog is pending", Interrupted: true, Survives: true,
			Do: dut.Send, Break: true, Keys: "c", Provoke: plan.ProvokeNone, OpenConsole: true},
		{Name: "warn-nmi-panic", About: "a WARN while a backlog is pending, and an NMI that panics the machine in the middle of it",
			Interrupted: true, Survives: true,
			Provoke: plan.ProvokeWarn},
	}
}

// FindScenario returns the scenario of that name, or an error that lists them. A death without its manner is a hang.
func FindScenario(name string) (Scenario, error) {
	var all []string
	for _, s := range Scenarios() {
		if s.Name == name || s.Name == name+":"+string(plan.DeathHang) {
			return s, nil
		}
		all = append(all, s.Name)
	}
	return Scenario{}, names.Unknown("scenario", name, "", all)
}

// plan is the plan of a trial on a machine with so many CPUs; reference: of the trial that says what is expected, in which nobody
// interrupts or floods and the machine does not die before its time.
func (s *Scenario) plan(runID string, cpus int, reference bool, shape *Shape) (*plan.Plan, error) {
	p := plan.Default(runID, cpus)
	p.Provoke, p.Nested, p.DieAt, p.DieHow, p.FloodUS = s.Provoke, s.Nested, s.DieAt, s.DieHow, s.FloodUS
	p.PanicOnOops, p.OpenConsole, p.Run = s.PanicOnOops, s.OpenConsole, s.Run
	p.ProvokeCPU = s.CPU
	if s.Context != "" {
		p.Context = s.Context
	}
	if shape != nil {
		p.Backlog, p.RecordLen = shape.Backlog, shape.RecordLen
	}
	if p.NoProbe = s.NoProbe; p.NoProbe {
		p.Backlog = 0
	}
	if reference {
		p.DieAt, p.DieHow, p.FloodUS = plan.StepNone, "", 0
	}
	if cpus < s.CPUs {
		return nil, fmt.Errorf("scenario %s needs %d CPUs, the machine has %d", s.Name, s.CPUs, cpus)
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p, p.CheckCPUs(cpus)
}

// WantsReference: what was expected cannot be told from the trial itself. A death can: everything up to it is stored.
func (s *Scenario) WantsReference() bool {
	return s.Interrupted || s.Limit > 0 || slices.ContainsFunc(s.Steps, func(x Step) bool { return x.At.needsReference() })
}

// action is what an interruption does.
func (s *Scenario) action() dut.Do {
	if s.Do == "" {
		return dut.NMI
	}
	return s.Do
}
