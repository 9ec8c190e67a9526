// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"time"

	"lastpage/kernels/plan"
)

// What the init does on x86 in a way of its own. Another architecture brings a file like this one.

// consolePort is the console under test.
const consolePort = "/dev/ttyS0"

// Numbers of system calls, and kexec_load's name of the architecture.
const (
	sysKexecLoad     = 246
	sysFinitModule   = 313
	sysKexecFileLoad = 320
	kexecArch        = 62 << 16
)

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

// crashStub is position-independent code for 64-bit mode, identity-mapped (arch/x86/kernel/machine_kexec_64.c).
func crashStub(port uint16, how plan.Death) []byte {
	var c []byte
	out := func(word uint32) {
		c = append(c, 0xb8)                                  // mov $word,%eax
		c = binary.LittleEndian.AppendUint32(c, word)        //
		c = append(c, 0x66, 0xba, byte(port), byte(port>>8)) // mov $port,%dx
		c = append(c, 0xef)                                  // out %eax,(%dx)
	}
	if port != 0 {
		out(plan.Word(plan.CrashExec, 0))
		out(plan.Word(plan.Die, uint32(plan.StepArg(plan.StepCrashExec))))
	}
	switch how {
	case plan.DeathReset:
		c = append(c, 0x66, 0xba, 0xf9, 0x0c, // mov $0xcf9,%dx
			0xb0, 0x02, 0xee, // mov $2,%al; out %al,(%dx)
			0xb0, 0x06, 0xee) // mov $6,%al; out %al,(%dx)
	case plan.DeathTriple:
		c = append(c, 0x0f, 0x01, 0x1d, 5, 0, 0, 0, // lidt 5(%rip): the zeros behind the loop below
			0xcc) // int3
	}
	c = append(c, 0xfa, 0xf4, 0xeb, 0xfc) // cli; hlt; jmp to the cli
	return append(c, make([]byte, 10)...)
}
