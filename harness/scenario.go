package harness

import (
	"fmt"
	"strings"
	"time"

	"lastpage/dut"
	"lastpage/kernels/plan"
)

// Scenario is what is provoked, and whether it is interrupted.
type Scenario struct {
	Name  string
	About string
	// Interrupted: the trial has an injected NMI.
	Interrupted bool
	// Survives: the machine lives on when nothing interrupts it.
	Survives bool
	shape    func(*plan.Plan)
}

// Scenarios lists all scenarios, simplest first.
func Scenarios() []Scenario {
	return []Scenario{
		{Name: "warn", About: "a WARN while a backlog is pending; nothing interrupts it", Survives: true,
			shape: func(p *plan.Plan) { p.Provoke = plan.ProvokeWarn }},
		{Name: "panic", About: "panic() while a backlog is pending",
			shape: func(p *plan.Plan) { p.Provoke = plan.ProvokePanic }},
		{Name: "nmi-panic", About: "an NMI panics the machine while a backlog is pending", Interrupted: true, Survives: true,
			shape: func(p *plan.Plan) { p.Provoke = plan.ProvokeNone }},
		{Name: "warn-nmi-panic", About: "a WARN while a backlog is pending, and an NMI that panics the machine in the middle of it",
			Interrupted: true, Survives: true,
			shape: func(p *plan.Plan) { p.Provoke = plan.ProvokeWarn }},
	}
}

// FindScenario returns the scenario of that name, or an error that lists them.
func FindScenario(name string) (Scenario, error) {
	var all []string
	for _, s := range Scenarios() {
		if s.Name == name {
			return s, nil
		}
		all = append(all, s.Name)
	}
	return Scenario{}, fmt.Errorf("scenario %q: unknown; there are %s", name, strings.Join(all, ", "))
}

// Names of the triggers of a trial.
const (
	trigProvoke = "provoke" // the provocation was rung in
	trigInject  = "inject"  // the interruption
	trigDone    = "done"    // the provocation was survived
	trigEnd     = "end"     // the last line of panic() is on the wire
	trigDrained = "drained" // and nothing follows
	trigSilent  = "silent"  // nothing at all any more, long after everything
	trigTooLong = "too-long"
)

// Silences after which a trial is over, on the wire's clock. drained follows a known last word; silent must be longer than any wait in
// panic(): 1 s for CPUs to stop, then up to 10 s for the console to be handed over (kernel/printk/nbcon.c, NBCON takeover waits).
const (
	drained = 400 * time.Millisecond
	silent  = 15 * time.Second
)

// tooLong bounds a trial: boot, and the backlog three times over at the wire's rate, then the waits.
func tooLong(wireBytes int64, byteNS int64) time.Duration {
	return 120*time.Second + 3*time.Duration(wireBytes*byteNS)
}

// triggers are those of a trial. pending is how many bytes were waiting at the provocation in the reference trial (-1 unknown).
func (s Scenario) triggers(p *plan.Plan, in *Inject, pending int64, symbols map[string]uint64, byteNS int64) ([]dut.Trigger, error) {
	start := dut.Trigger{Name: trigProvoke, When: dut.AtEvent, Code: plan.Provoked, N: 1, Do: dut.Note}
	if p.Provoke == plan.ProvokeNone {
		start.Code = plan.BacklogStored
	}
	ts := []dut.Trigger{start}
	if in != nil {
		t := dut.Trigger{Name: trigInject, After: trigProvoke, Do: dut.NMI}
		switch in.At {
		case "share":
			if pending < 0 {
				return nil, fmt.Errorf("inject %s: no reference trial has measured the pending bytes", in)
			}
			t.When, t.N = dut.AtByte, max(1, int64(float64(pending)*in.Pct/100))
		case "byte":
			t.When, t.N = dut.AtByte, in.N
		case "time":
			t.When, t.N = dut.AtTime, int64(in.Time)
		case "pattern":
			t.When, t.Text = dut.AtPattern, in.Text
		case "symbol":
			addr, ok := symbols[in.Text]
			if !ok {
				return nil, fmt.Errorf("inject %s: the kernel has no symbol %q", in, in.Text)
			}
			t.When, t.N, t.Addr = dut.AtSymbol, in.N, addr
		default:
			return nil, fmt.Errorf("inject: unknown kind %q", in.At)
		}
		ts = append(ts, t)
	}
	last := trigProvoke
	if in != nil {
		last = trigInject
	}
	if s.Survives && in == nil {
		done := dut.Trigger{Name: trigDone, When: dut.AtEvent, Code: plan.ProvokeDone, N: 1, After: trigProvoke, Do: dut.Note}
		if p.Provoke == plan.ProvokeNone {
			done = dut.Trigger{Name: trigDone, When: dut.AtEvent, Code: plan.BacklogStored, N: 1, Do: dut.Note}
		}
		ts = append(ts, done,
			dut.Trigger{Name: trigDrained, When: dut.AtQuiet, N: int64(drained), After: trigDone, Do: dut.Stop})
	} else {
		ts = append(ts,
			dut.Trigger{Name: trigEnd, When: dut.AtPattern, Text: "---[ end Kernel panic", After: last, Do: dut.Note},
			dut.Trigger{Name: trigDrained, When: dut.AtQuiet, N: int64(drained), After: trigEnd, Do: dut.Stop})
	}
	return append(ts,
		dut.Trigger{Name: trigSilent, When: dut.AtQuiet, N: int64(silent), After: trigProvoke, Do: dut.Stop},
		dut.Trigger{Name: trigTooLong, When: dut.AtTime, N: int64(tooLong(int64(p.Backlog*(p.RecordLen+20)), byteNS)), Do: dut.Stop}), nil
}
