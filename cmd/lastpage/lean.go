// SPDX-License-Identifier: Apache-2.0

package main

import (
	"runtime"
	"runtime/debug"
)

// lean lets this program take as little of the machine as a program can that only waits: a lab records dozens of lines at once. back undoes it.
func lean() (back func()) {
	procs := runtime.GOMAXPROCS(1) // a second processor would be woken at each read, to find nothing to do
	percent := debug.SetGCPercent(20)
	debug.FreeOSMemory() // what the start has left
	return func() {
		runtime.GOMAXPROCS(procs)
		debug.SetGCPercent(percent)
	}
}
