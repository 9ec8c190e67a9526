// SPDX-License-Identifier: Apache-2.0

package vuart

import "bytes"

// spoilt are what Linux logs when it could not measure its own clock against the PIT, HPET or PM timer (arch/x86/kernel/tsc.c,
// kernel/time/clocksource.c). Its udelay() may then be too short, and so may the time-outs of its UART driver.
var spoilt = [][]byte{
	[]byte("Fast TSC calibration failed"),
	[]byte("Unable to calibrate against PIT"),
	[]byte("HPET/PMTIMER calibration failed"),
	[]byte("PIT calibration deviates"),
	[]byte("Could not calculate TSC"),
	[]byte("Marking TSC unstable"),
	[]byte("Marking clocksource 'tsc' as unstable"),
}

// Miscalibrated returns the lines of a boot log that say that the guest could not measure its own clock. In concurrent mode that is the host's
// doing (a stall during the measurement), and the trial is void. In exact mode it cannot happen.
func Miscalibrated(bootLog []byte) []string {
	var lines []string
	for line := range bytes.Lines(bootLog) {
		for _, s := range spoilt {
			if bytes.Contains(line, s) {
				lines = append(lines, string(bytes.TrimSpace(line)))
				break
			}
		}
	}
	return lines
}
