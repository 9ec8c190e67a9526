// SPDX-License-Identifier: Apache-2.0

package main

import "time"

// About a second after boot x86 has refined the rate of the TSC and switches to it as its clock, by way of stop_machine()
// (arch/x86/kernel/tsc.c, kernel/time/timekeeping.c). If that falls into a trial, every other CPU waits there, with all its threads, for
// the CPU that is in a WARN. A kernel that boots slowly has it behind it.
const (
	clockFile  = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
	settleEach = 20 * time.Millisecond
	settleMax  = 3 * time.Second
)

// settle waits until the kernel has its final clock, or for as long as that may take on a kernel that never does.
func settle() {
	for begin := time.Now(); line(clockFile) != "tsc" && time.Since(begin) < settleMax; {
		time.Sleep(settleEach)
	}
}
