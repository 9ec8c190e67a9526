// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"time"

	"lastpage/kernels/plan"
)

// Of the contests about the console: the line in which the interruption falls begins about here, in bytes of wire after the backlog is
// stored, and the steps through it are prime to its length, so that they fall on different places.
const (
	contestByte = 20000
	contestStep = 13
	contestN    = 7 // a line of the backlog is 96 bytes with its prefix and line end
)

// A record of the backlog's length takes a line of 115200 baud 8.3 ms. What a flood stores within the limit, 400 kB of text at most, fits
// into the ring of every kernel of the catalogue.
const (
	floodUS     = 20000 // 40 % of the line
	floodOverUS = 5000  // 170 %
	floodLimit  = 20 * time.Second
)

// contests are the scenarios in which several CPUs want the console.
func contests() []Scenario {
	var within []string
	for i := range contestN {
		within = append(within, fmt.Sprintf("byte:%d", contestByte+i*contestStep))
	}
	return []Scenario{
		{Name: "takeover:nmi", About: "an NMI panics the machine while a line is half sent; at several places of one line", CPUs: 2,
			Interrupted: true, Survives: true, Injects: within,
			Provoke: plan.ProvokeNone},
		{Name: "takeover:warn", About: "a WARN in an interrupt on the other CPU while a line is half sent; at several places of a line", CPUs: 2,
			Survives: true, Trials: contestN, PhaseUS: 1100, // a line takes 8.3 ms at 115200 baud
			Provoke: plan.ProvokeWarn, Context: plan.ContextIRQ},
		{Name: "flood", About: "a WARN and then panic() while the other CPUs keep printing, less than the line can carry", CPUs: 2,
			Provoke: plan.ProvokeWarnPanic, FloodUS: floodUS},
		{Name: "flood:over", About: "the same, and they print more than the line can carry; over after 20 s", CPUs: 2, Limit: floodLimit,
			Provoke: plan.ProvokeWarnPanic, FloodUS: floodOverUS},
	}
}

// replays are the ways to have everything sent once more.
func replays() []Scenario {
	return []Scenario{
		{Name: "replay:panic", About: "panic() with panic_console_replay: everything once more at the end",
			// The first since 6.16, the second before (kernel/panic.c); a kernel passes what it does not know to init.
			Cmdline: "panic_console_replay=1 panic_print=32",
			Provoke: plan.ProvokePanic},
		{Name: "replay:sysrq", About: "a WARN that is survived, then BREAK and R: everything once more; kernels since 6.9 know that key", Survives: true,
			Key: "R", Provoke: plan.ProvokeWarn, OpenConsole: true},
	}
}
