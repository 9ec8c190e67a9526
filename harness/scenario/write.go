// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"errors"
	"fmt"
	"time"

	"github.com/goccy/go-yaml"

	"lastpage/dut"
	"lastpage/harness"
)

// Write is the file that says the same as a built-in scenario. What a user brought into the guest cannot be written: it lies elsewhere.
func Write(s *harness.Scenario) ([]byte, error) {
	if s.Run != nil || len(s.Files) > 0 {
		return nil, errors.New("write scenario: it brings files of its own")
	}
	f := file{Name: s.Name, About: s.About, CPUs: s.CPUs, Cmdline: s.Cmdline, Survives: s.Survives, Key: s.Key, Trials: s.Trials,
		Phase: duration(time.Duration(s.PhaseUS) * time.Microsecond), Expect: s.Expect, Over: over{After: duration(s.Limit), Pattern: s.Ends},
		Guest: guest{Provoke: string(s.Provoke), Context: string(s.Context), Nested: string(s.Nested), CPU: s.CPU,
			Flood: duration(time.Duration(s.FloodUS) * time.Microsecond), PanicOnOops: s.PanicOnOops, OpenConsole: s.OpenConsole}}
	if s.DieAt != "" {
		f.Guest.Die = &die{At: string(s.DieAt), How: string(s.DieHow)}
	}
	if s.Delay {
		f.Measures = crashExecDelay
	}
	if s.Interrupted {
		do := s.Do
		if do == "" {
			do = dut.NMI
		}
		f.Interrupt = &interrupt{Do: words(do, s.Break, s.Keys), At: s.Injects, Before: s.Before}
	}
	for _, x := range s.Steps {
		f.Steps = append(f.Steps, step{Name: x.Name, At: x.At.String(), After: x.After, Do: words(x.Do, x.Break, x.Keys)})
	}
	data, err := yaml.MarshalWithOptions(f, yaml.IndentSequence(true))
	if err != nil {
		return nil, fmt.Errorf("write scenario: %w", err)
	}
	return data, nil
}

// words are what action reads.
func words(do dut.Do, brk bool, keys string) string {
	switch {
	case do == dut.Send && brk:
		return "break+" + keys
	case do == dut.Send:
		return "send " + keys
	}
	return string(do)
}
