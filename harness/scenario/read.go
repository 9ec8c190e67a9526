// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lastpage/dut"
	"lastpage/harness"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// crashExecDelay is the one figure that a scenario can be there for.
const crashExecDelay = "crash-exec-delay"

// scenario is what f says, without what the guest's files are.
func (f *file) scenario() (*harness.Scenario, error) {
	g := &f.Guest
	s := &harness.Scenario{Name: f.Name, About: f.About, CPUs: f.CPUs, Cmdline: f.Cmdline, Survives: f.Survives, Key: f.Key, Trials: f.Trials,
		PhaseUS: uint32(time.Duration(f.Phase).Microseconds()), Limit: time.Duration(f.Over.After), Ends: f.Over.Pattern, Expect: f.Expect,
		Provoke: plan.Provoke(g.Provoke), Context: plan.Context(g.Context), Nested: plan.Nested(g.Nested),
		CPU: g.CPU, FloodUS: int(time.Duration(g.Flood).Microseconds()), PanicOnOops: g.PanicOnOops, OpenConsole: g.OpenConsole}
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if !scenarioName.MatchString(f.Name) {
		bad("name %q: want small letters, digits and .:+_-", f.Name)
	}
	if g.Die != nil {
		s.DieAt, s.DieHow = plan.Step(g.Die.At), plan.Death(g.Die.How)
	}
	switch f.Measures {
	case "":
	case crashExecDelay:
		s.Delay = true
	default:
		bad("measures %q: want %s, or nothing", f.Measures, crashExecDelay)
	}
	if f.CPUs < 0 || f.CPUs > 8 || f.Trials < 0 || f.Trials > 1000 {
		bad("cpus %d, trials %d: want 1 to 8, and 1 to 1000", f.CPUs, f.Trials)
	}
	if g.CPU < 0 || g.CPU > 7 || g.CPU > 0 && f.CPUs <= g.CPU {
		bad("guest: cpu %d: want 0 to 7, and cpus: %d or more for it", g.CPU, g.CPU+1)
	}
	if g.CPU > 0 && g.AnyCPU {
		bad("guest: cpu %d has no effect where the program runs on any-cpu", g.CPU)
	}
	if len(f.Key) > 1 || f.Key != "" && !f.Survives {
		bad("key %q: want one letter, of a scenario that the machine survives; other keys are steps", f.Key)
	}
	if len(f.Over.Pattern) > maxPattern {
		bad("over: pattern %q: at most %d bytes are matched", f.Over.Pattern, maxPattern)
	}
	for _, name := range f.Expect {
		if !slices.Contains(grade.Names, name) {
			bad("expect %q: want one of %s", name, strings.Join(grade.Names, ", "))
		}
	}
	if in := f.Interrupt; in != nil {
		s.Interrupted, s.Before, s.Injects = true, in.Before, in.At
		var err error
		if s.Do, s.Break, s.Keys, err = action(in.Do, "nmi"); err != nil {
			bad("interrupt: %w", err)
		}
		if s.Do == dut.NMI {
			s.Do = "" // what there is without a word
		}
		for _, text := range in.At {
			if _, err := harness.ParseInject(text); err != nil {
				bad("interrupt: at: %w", err)
			}
		}
	}
	errs = append(errs, f.steps(s)...)
	return s, errors.Join(errs...)
}

const (
	maxPattern = 64 // bytes that a board matches
	maxKeys    = 8  // characters that it sends at once
)

// action reads what is done to the machine: nmi, power, reset, note, send TEXT, break+TEXT.
func action(text, otherwise string) (do dut.Do, brk bool, keys string, err error) {
	if text == "" {
		text = otherwise
	}
	if keys, ok := strings.CutPrefix(text, "break+"); ok && keys != "" && len(keys) <= maxKeys {
		return dut.Send, true, keys, nil
	}
	if keys, ok := strings.CutPrefix(text, "send "); ok && keys != "" && len(keys) <= maxKeys {
		return dut.Send, false, keys, nil
	}
	switch do := dut.Do(text); do {
	case dut.NMI, dut.PowerCut, dut.Reset, dut.Note:
		return do, false, "", nil
	}
	return "", false, "", fmt.Errorf("do %q: want nmi, power, reset, note, break+KEY (SysRq) or \"send TEXT\" of at most %d bytes", text, maxKeys)
}

func (f *file) steps(s *harness.Scenario) (errs []error) {
	known := harness.Moments()
	for i, x := range f.Steps {
		at, err := harness.ParseInject(x.At)
		if err != nil {
			errs = append(errs, fmt.Errorf("step %d (%s): %w", i+1, x.Name, err))
		}
		do, brk, keys, err := action(x.Do, "")
		if err != nil {
			errs = append(errs, fmt.Errorf("step %d (%s): %w", i+1, x.Name, err))
		}
		switch {
		case !scenarioName.MatchString(x.Name) || slices.Contains(known, x.Name):
			errs = append(errs, fmt.Errorf("step %d: name %q: want one of its own, of small letters, digits and .:+_-", i+1, x.Name))
		case x.After != "" && !slices.Contains(known, x.After):
			errs = append(errs, fmt.Errorf("step %d (%s): after %q: want a step before it, or %s", i+1, x.Name, x.After, strings.Join(harness.Moments(), ", ")))
		}
		known = append(known, x.Name)
		s.Steps = append(s.Steps, harness.Step{Name: x.Name, At: at, After: x.After, Do: do, Break: brk, Keys: keys})
	}
	return errs
}

// check says what does not hold together once all is there.
func check(s *harness.Scenario) error {
	o := harness.Series{Scenario: *s, Injects: []harness.Inject{{At: "byte", N: 1}}}
	return o.Check()
}
