// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"

	"lastpage/dut"
	"lastpage/kernels/plan"
)

// crashKernel reserves room for the crash kernel's stub; without it nothing can be loaded.
const crashKernel = "crashkernel=64M"

// Whether the panicking CPU gets the console from the one that is printing is decided within a line, so a death is tried at several
// moments of one; at 115200 baud a line of the backlog takes 8.3 ms.
const (
	moments  = 3
	momentUS = 2900
)

// deaths are the scenarios in which panic() does not come to its end.
func deaths() []Scenario {
	var all []Scenario
	about := map[plan.Step]string{
		plan.StepNotifierFirst: "in the first panic notifier",
		plan.StepNotifierLast:  "in the last panic notifier",
		plan.StepKmsgDump:      "in a kmsg dumper",
		plan.StepCrashExec:     "in the first instructions of a crash kernel",
		plan.StepEnd:           "after the last flush",
	}
	verb := map[plan.Death]string{plan.DeathHang: "hangs", plan.DeathReset: "is reset", plan.DeathTriple: "ends in a triple fault"}
	for _, step := range plan.Steps() {
		for _, how := range []plan.Death{plan.DeathHang, plan.DeathReset, plan.DeathTriple} {
			s := Scenario{Name: fmt.Sprintf("panic-dies-in:%s:%s", step, how), Trials: moments, PhaseUS: momentUS,
				About:   fmt.Sprintf("panic() with a backlog pending; the machine %s %s", verb[how], about[step]),
				Provoke: plan.ProvokePanic, DieAt: step, DieHow: how}
			if step == plan.StepCrashExec {
				s.Cmdline = crashKernel
			}
			all = append(all, s)
		}
	}
	return append(all,
		Scenario{Name: "crash-exec-delay", About: "panic() with a crash kernel loaded: how long until it runs", Cmdline: crashKernel,
			Trials: moments, PhaseUS: momentUS,
			Provoke: plan.ProvokePanic, DieAt: plan.StepCrashExec, DieHow: plan.DeathHang, Delay: true},
		Scenario{Name: "oops-crash-exec", About: "an oops with panic_on_oops and a crash kernel loaded: what was sent when it takes over", Cmdline: crashKernel,
			Trials: moments, PhaseUS: momentUS,
			Provoke: plan.ProvokeOops, Context: plan.ContextThread, PanicOnOops: true, DieAt: plan.StepCrashExec, DieHow: plan.DeathHang},
		Scenario{Name: "power-cut", About: "panic() with a backlog pending; the power goes in the middle of it", Interrupted: true, Do: dut.PowerCut,
			Provoke: plan.ProvokePanic},
		// What the two last flushes of panic() are worth is the difference between these two and warn-nmi-panic.
		Scenario{Name: "dies-before:final-flush", About: "warn-nmi-panic, and the power goes at the door of console_flush_on_panic()",
			Interrupted: true, Survives: true, Before: "console_flush_on_panic",
			Provoke: plan.ProvokeWarn},
		Scenario{Name: "dies-before:unsafe-flush", About: "warn-nmi-panic, and the power goes at the door of nbcon_atomic_flush_unsafe()",
			Interrupted: true, Survives: true, Before: "nbcon_atomic_flush_unsafe",
			Provoke: plan.ProvokeWarn})
}

// nestings are misfortunes inside others.
func nestings() []Scenario {
	return []Scenario{
		{Name: "nested:warn-in-nmi", About: "a WARN in an NMI handler", Survives: true,
			Provoke: plan.ProvokeWarn, Context: plan.ContextNMI},
		{Name: "nested:warn-in-panic", About: "a panic notifier WARNs", Provoke: plan.ProvokePanic, Nested: plan.NestedWarn},
		{Name: "nested:oops-in-panic", About: "a panic notifier oopses", Provoke: plan.ProvokePanic, Nested: plan.NestedOops},
		{Name: "nested:panic-on-other-cpu", About: "a second CPU panics right after the first", CPUs: 2, Provoke: plan.ProvokePanic, Nested: plan.NestedPanicOther},
		{Name: "nested:oops-panic", About: "an oops that turns into a panic",
			Provoke: plan.ProvokeOops, Context: plan.ContextThread, PanicOnOops: true},
		{Name: "nested:softlockup", About: "the report of a soft lockup", Survives: true,
			Provoke: plan.ProvokeSoftlockup, Context: plan.ContextThread},
	}
}
