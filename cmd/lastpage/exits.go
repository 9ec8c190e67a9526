// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"

	"lastpage/harness/compare"
	"lastpage/harness/gate"
	"lastpage/kernels/names"
)

// outcome is what a gate ends with.
type outcome int

const (
	passed outcome = iota
	failed
	unsure
	untestable // head does not apply, build, or come to its trial or the end of it
	labFailed  // the lab's fault, or the usage's
)

// exits are the statuses that callers want, by outcome.
var exits = map[string][5]int{
	"plain": {exitPassed, exitKernelFailed, exitInconclusive, exitKernelFailed, exitLabFailed},
	// b4 prep --check: 0 or not; what is printed is the report, a line with ERROR: is a failure and any other a warning.
	"b4": {0, 1, 0, 1, 3},
	// NIPA: 0, 250 for a warning, anything else is a failure of the patch. What our lab did is none.
	"nipa": {0, 1, 250, 1, 250},
	// git bisect run: 125 skips a commit, from 128 on the bisection ends.
	"bisect": {0, 1, 125, 125, 128},
}

func checkExit(mode string) error {
	var known []string
	for name := range exits {
		known = append(known, name)
	}
	slices.Sort(known)
	if _, ok := exits[mode]; !ok {
		return names.Unknown("way to exit", mode, "(--exit)", known)
	}
	return nil
}

// outcomeOf sorts a decided gate.
func outcomeOf(g *compare.Gate) outcome {
	switch d := g.Decision; {
	case d.Verdict == gate.Pass:
		return passed
	case d.Verdict == gate.Fail && (g.Fault != "" || d.Findings[0].Rule == gate.ComesToTrial || d.Findings[0].Rule == gate.ComesToEnd):
		return untestable
	case d.Verdict == gate.Fail:
		return failed
	}
	return unsure
}

// exitAs gives an error the status that a caller wants for an outcome; nil where that is 0.
func exitAs(mode string, o outcome, format string, a ...any) error {
	code := exits[mode][o]
	if code == 0 {
		return nil
	}
	return &verdict{code, fmt.Errorf(format, a...)}
}
