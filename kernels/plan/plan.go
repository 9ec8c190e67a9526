// SPDX-License-Identifier: Apache-2.0

// Package plan is what one trial asks of the machine under test: how many records of backlog, which provocation, in which
// context and on which CPU, and where the machine shall die. The harness writes a Plan as JSON into the initramfs
// (/lastpage/plan.json); the guest's init reads it there and hands it to the probe module as parameters. Nothing comes back
// through this package: the guest answers over the control channel (message.go) and by the doorbell (event.go).
//
// It uses the standard library only, because it is compiled into the guest's init too.
package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// Schema is the version of the JSON form. A guest refuses any other.
const Schema = 1

// Path is where the plan lies in the initramfs.
const Path = "/lastpage/plan.json"

// Limits of what a plan may ask for. They bound the probe's allocations and the time it spends with preemption off.
const (
	MaxBacklog   = 20000    // records
	MaxCPU       = 63       // number of a CPU
	MaxDelayMS   = 600000   // ms
	MaxFloodUS   = 10000000 // us between two records
	MaxSymbols   = 256
	MaxPlanBytes = 1 << 20
)

// Start says who sets the plan off.
type Start string

const (
	StartAuto    Start = "auto"    // the init, right after it reported "armed"
	StartCommand Start = "command" // the line "go" on the control channel
	StartNone    Start = "none"    // sysrq-y, or nobody (an NMI from outside needs no plan)
)

// Provoke says what is raised.
type Provoke string

const (
	ProvokeNone       Provoke = "none"       // the backlog only
	ProvokeWarn       Provoke = "warn"       // WARN(): an emergency that the machine survives
	ProvokePanic      Provoke = "panic"      // panic()
	ProvokeWarnPanic  Provoke = "warn-panic" // WARN() and, when it returns, panic()
	ProvokeOops       Provoke = "oops"       // a read through a null pointer; a panic when oops=panic or in irq/nmi context
	ProvokeBug        Provoke = "bug"        // BUG()
	ProvokeSoftlockup Provoke = "softlockup" // a CPU spins with preemption off until the watchdog has reported it
)

// Context says from where it is raised.
type Context string

const (
	ContextThread Context = "thread" // a kthread bound to ProvokeCPU
	ContextIRQ    Context = "irq"    // a hard interrupt of an hrtimer on ProvokeCPU (also on PREEMPT_RT)
	ContextNMI    Context = "nmi"    // an NMI handler on ProvokeCPU
)

// Step is where the machine is made to die. The empty Step lets the kernel take its own course.
type Step string

const (
	StepNone          Step = ""
	StepNotifierFirst Step = "notifier-first" // the first panic notifier
	StepNotifierLast  Step = "notifier-last"  // the last one
	StepKmsgDump      Step = "kmsg-dump"      // a kmsg dumper called for a panic
	StepEnd           Step = "end"            // after the last flush, in panic()'s final loop
	StepCrashExec     Step = "crash-exec"     // the first instruction of a crash kernel; needs crashkernel= on the command line
)

// Death is how it dies there.
type Death string

const (
	DeathHang   Death = "hang"   // interrupts off, halted
	DeathReset  Death = "reset"  // reset through port 0xcf9, then the keyboard controller
	DeathTriple Death = "triple" // empty IDT and an exception: triple fault
)

// Nested is a second misfortune inside the panic.
type Nested string

const (
	NestedNone        Nested = ""
	NestedWarn        Nested = "warn-in-notifier"   // a panic notifier WARNs
	NestedOops        Nested = "oops-in-notifier"   // a panic notifier reads through a null pointer
	NestedPanicOther  Nested = "panic-on-other-cpu" // another CPU calls panic() 1 ms after the first call
	nestedOtherMinCPU        = 2
)

// Report says where the guest's messages go.
type Report string

const (
	ReportChannel Report = ""        // the control channel
	ReportConsole Report = "console" // tagged lines on the console under test, the last of them before the plan is set off (report.go)
)

// Plan is one trial's order to the guest. Zero values of optional fields mean "not wanted".
type Plan struct {
	Schema          int      `json:"schema"`
	RunID           string   `json:"run_id"`           // 8 lower-case hex digits, in every record
	ConsoleLoglevel int      `json:"console_loglevel"` // 1..15, set by the init and read back
	Start           Start    `json:"start"`
	Provoke         Provoke  `json:"provoke"`
	Context         Context  `json:"context"`
	Backlog         int      `json:"backlog"`          // records; 0 = none
	RecordLen       int      `json:"record_len"`       // bytes of text of a record, MinRecordLen..MaxRecordLen
	BacklogCPU      int      `json:"backlog_cpu"`      // the CPU that stores and, on a legacy console, flushes the backlog
	ProvokeCPU      int      `json:"provoke_cpu"`      //
	DelayMS         int      `json:"delay_ms"`         // from the last stored record of the backlog to the provocation
	DieAt           Step     `json:"die_at"`           //
	DieHow          Death    `json:"die_how"`          // wanted exactly when DieAt is
	Nested          Nested   `json:"nested"`           //
	FloodUS         int      `json:"flood_us"`         // every CPU but ProvokeCPU prints a record each so many us while provoked; 0 = off
	Doorbell        Doorbell `json:"doorbell"`         //
	Symbols         []string `json:"symbols"`          // addresses wanted in the armed message
	KmsgDump        bool     `json:"kmsg_dump"`        // send /dev/kmsg over the control channel before, and after if it survives
	PanicOnOops     bool     `json:"panic_on_oops"`    // kernel.panic_on_oops, set by the init
	PanicOnWarn     bool     `json:"panic_on_warn"`    // kernel.panic_on_warn
	SoftlockupPanic bool     `json:"softlockup_panic"` // kernel.softlockup_panic
	// OpenConsole: the init holds the console's port open, as a login would. Until somebody opens it an 8250 that is a console has its
	// receiver's interrupt off, and a BREAK is not heard. Nothing is read or written.
	OpenConsole bool `json:"open_console,omitempty"`
	Run         *Run `json:"run,omitempty"` // nil: the probe provokes
	// NoProbe: the probe is not loaded. Run alone provokes, and the init rings for itself. Nothing of the probe's can be asked for.
	NoProbe bool `json:"no_probe,omitempty"`
	// Report is where the guest's messages go.
	Report Report  `json:"report,omitempty"`
	Kdump  *Kdump  `json:"kdump,omitempty"`  // nil: no crash kernel of one's own is loaded
	Pstore *Pstore `json:"pstore,omitempty"` // nil: nothing is kept over a reset
	// Place: the armed message says where in memory the kernel lies.
	Place bool `json:"place,omitempty"`
	// Offer: this is a plan for the kernel after the one that died. Everything else in it has no effect.
	Offer *Offer `json:"offer,omitempty"`
}

// Default is the plan of the WARN + NMI-panic case on a machine with smp CPUs; the NMI comes from outside. Fields may be
// changed before use; Validate says whether the result still holds together.
func Default(runID string, smp int) *Plan {
	p := &Plan{
		Schema:          Schema,
		RunID:           runID,
		ConsoleLoglevel: 7,
		Start:           StartAuto,
		Provoke:         ProvokeWarn,
		Context:         ContextThread,
		Backlog:         600,
		RecordLen:       80,
		DelayMS:         300,
		Doorbell:        Doorbell{Port: DoorbellPort},
	}
	if smp > 1 {
		p.BacklogCPU = 1
	} else {
		p.Context = ContextIRQ
	}
	return p
}

var (
	runID  = regexp.MustCompile(`^[0-9a-f]{8}$`)
	symbol = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]{0,126}$`)
)

// Validate says everything that is wrong with p, or nil.
func (p *Plan) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("plan: "+format, args...)) }
	between := func(name string, v, lo, hi int) {
		if v < lo || v > hi {
			bad("%s %d: want %d to %d", name, v, lo, hi)
		}
	}
	if p.Schema != Schema {
		bad("schema %d: this program speaks %d", p.Schema, Schema)
	}
	if !runID.MatchString(p.RunID) {
		bad("run_id %q: want 8 hex digits in lower case", p.RunID)
	}
	between("console_loglevel", p.ConsoleLoglevel, 1, 15)
	between("backlog", p.Backlog, 0, MaxBacklog)
	between("record_len", p.RecordLen, MinRecordLen, MaxRecordLen)
	between("backlog_cpu", p.BacklogCPU, 0, MaxCPU)
	between("provoke_cpu", p.ProvokeCPU, 0, MaxCPU)
	between("delay_ms", p.DelayMS, 0, MaxDelayMS)
	between("flood_us", p.FloodUS, 0, MaxFloodUS)
	oneOf(bad, "start", p.Start, StartAuto, StartCommand, StartNone)
	oneOf(bad, "provoke", p.Provoke, Provokes()...)
	oneOf(bad, "context", p.Context, ContextThread, ContextIRQ, ContextNMI)
	oneOf(bad, "die_at", p.DieAt, append(Steps(), StepNone)...)
	oneOf(bad, "nested", p.Nested, NestedNone, NestedWarn, NestedOops, NestedPanicOther)
	if p.Doorbell.Port != 0 && p.Doorbell.Address != 0 {
		bad("doorbell %s: want one place", p.Doorbell)
	}
	if p.DieAt == StepNone {
		oneOf(bad, "die_how (without die_at)", p.DieHow, "")
	} else {
		oneOf(bad, "die_how", p.DieHow, DeathHang, DeathReset, DeathTriple)
	}
	oneOf(bad, "report", p.Report, ReportChannel, ReportConsole)
	if p.Report == ReportConsole && (p.KmsgDump || p.Start == StartCommand) {
		bad("report %q: kmsg_dump and start %q need the control channel", p.Report, StartCommand)
	}
	if p.Provoke == ProvokeSoftlockup && p.Context != ContextThread {
		bad("context %q: a soft lockup is a thread that does not let go of its CPU", p.Context)
	}
	if p.Nested == NestedPanicOther && p.Provoke != ProvokePanic {
		bad("nested %q: a second panic wants a first one: provoke %q", p.Nested, p.Provoke)
	}
	if len(p.Symbols) > MaxSymbols {
		bad("symbols: %d, at most %d", len(p.Symbols), MaxSymbols)
	}
	for _, s := range p.Symbols {
		if !symbol.MatchString(s) {
			bad("symbols: %q is no symbol name", s)
		}
	}
	if p.Run != nil {
		if p.Provoke != ProvokeNone {
			bad("run and provoke %q: want provoke %q, as what runs is the provocation", p.Provoke, ProvokeNone)
		}
		p.Run.validate(bad)
	}
	if p.Kdump != nil {
		if p.Kdump.validate(bad); p.DieAt == StepCrashExec {
			bad("kdump and die_at %q: each loads a crash kernel", p.DieAt)
		}
	}
	if p.Pstore != nil {
		p.Pstore.validate(bad)
	}
	if p.Offer != nil {
		p.Offer.validate(bad)
	}
	if p.NoProbe && (p.Run == nil || p.Backlog > 0 || p.FloodUS > 0 || p.DieAt != StepNone || p.Nested != NestedNone) {
		bad("no_probe: want run, and no backlog, flood, death or nesting, which the probe makes")
	}
	return errors.Join(errs...)
}

// Kills says whether the kernel is to die of what p provokes, or may.
func (p *Plan) Kills() bool {
	switch p.Provoke {
	case ProvokeNone:
		return p.Run != nil
	case ProvokeWarn:
		return p.PanicOnWarn
	case ProvokeSoftlockup:
		return p.SoftlockupPanic
	}
	return true
}

// CheckCPUs says whether p can run on a machine with so many CPUs.
func (p *Plan) CheckCPUs(cpus int) error {
	for _, c := range []struct {
		name string
		cpu  int
	}{{"backlog_cpu", p.BacklogCPU}, {"provoke_cpu", p.ProvokeCPU}} {
		if c.cpu >= cpus {
			return fmt.Errorf("plan: %s %d: the machine has %d", c.name, c.cpu, cpus)
		}
	}
	if cpus < nestedOtherMinCPU && (p.Nested == NestedPanicOther || p.FloodUS > 0) {
		return fmt.Errorf("plan: nested %q, flood_us %d: need a second CPU", p.Nested, p.FloodUS)
	}
	return nil
}

// Provokes lists all provocations.
func Provokes() []Provoke {
	return []Provoke{ProvokeNone, ProvokeWarn, ProvokePanic, ProvokeWarnPanic, ProvokeOops, ProvokeBug, ProvokeSoftlockup}
}

// Steps lists all places to die at.
func Steps() []Step {
	return []Step{StepNotifierFirst, StepNotifierLast, StepKmsgDump, StepEnd, StepCrashExec}
}

func oneOf[T ~string](bad func(string, ...any), name string, v T, want ...T) {
	for _, w := range want {
		if v == w {
			return
		}
	}
	bad("%s %q: want one of %q", name, v, want)
}

// Parse reads a plan strictly: an unknown key, a second value behind it, or a field out of its limits is an error.
func Parse(r io.Reader) (*Plan, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxPlanBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if len(data) > MaxPlanBytes {
		return nil, fmt.Errorf("read plan: more than %d bytes", MaxPlanBytes)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	p := new(Plan)
	if err := dec.Decode(p); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("read plan: something follows the plan")
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p, nil
}

// Encode is the JSON form of a valid plan: equal plans give equal bytes.
func (p *Plan) Encode() ([]byte, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode plan: %w", err)
	}
	return append(data, '\n'), nil
}
