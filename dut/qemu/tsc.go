// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"strconv"
	"strings"
	"sync"
	"time"
)

// tscWindow is how long the host's counter is measured: an uncertainty of a microsecond is then 20 parts in a million.
const tscWindow = 50 * time.Millisecond

// tscKHz is the rate of the host's time-stamp counter in kHz, 0 if it has none. Under TCG without -icount the guest's counter is the host's
// (cpu_get_host_ticks() in QEMU's include/qemu/timer.h).
var tscKHz = sync.OnceValue(func() uint64 {
	tsc, at := stamp()
	time.Sleep(tscWindow)
	later, then := stamp()
	if later <= tsc || then <= at {
		return 0
	}
	return uint64(float64(later-tsc) / float64(then-at) * float64(time.Millisecond))
})

var tscOrigin = time.Now()

// stamp is the counter at a time, in ns since the process began. Of several tries it is the one that took least: a stall lies in none.
func stamp() (tsc uint64, ns time.Duration) {
	best := time.Duration(1<<63 - 1)
	for range 16 {
		before := time.Since(tscOrigin)
		v := readTSC()
		took := time.Since(tscOrigin) - before
		if took < best {
			best, tsc, ns = took, v, before+took/2
		}
	}
	return tsc, ns
}

// CounterWord tells a guest in host time the rate of its time-stamp counter, on its command line; "" if this machine has none. Whoever boots
// a guest by other means than a Setup gives it.
func CounterWord() string {
	khz := tscKHz()
	if khz == 0 {
		return ""
	}
	return counterName + strconv.FormatUint(khz, 10)
}

const counterName = "tsc_early_khz="

// told is a kernel's command line as the guest gets it. In concurrent mode it tells the rate of the guest's counter, as CPUID leaf 0x15 does on
// a real machine (early_param tsc_early_khz, arch/x86/kernel/tsc.c, since 4.20). A guest that measures it against an emulated PIT often fails,
// and then udelay() is too short until late in the boot: its UART driver gives up waiting and writes to a full transmitter.
func told(mode Mode, cmdline string) string {
	if mode != Concurrent || strings.Contains(cmdline, counterName) {
		return cmdline
	}
	return strings.TrimSpace(cmdline + " " + CounterWord())
}
