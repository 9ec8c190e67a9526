// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"os"
	"regexp"
	"runtime"
	"strconv"
	"testing"
)

// What the guest is told is the rate that /proc/cpuinfo has for a processor, within a factor of 4: cores change their clock, the counter does not.
func TestTold(t *testing.T) {
	if got := told(Exact, "console=ttyS0"); got != "console=ttyS0" {
		t.Errorf("exact: %q", got)
	}
	if got := told(Concurrent, "a tsc_early_khz=7 b"); got != "a tsc_early_khz=7 b" {
		t.Errorf("the user's own: %q", got)
	}
	if runtime.GOARCH != "amd64" {
		return
	}
	m := regexp.MustCompile(`^a tsc_early_khz=(\d+)$`).FindStringSubmatch(told(Concurrent, "a"))
	if m == nil {
		t.Fatalf("%q", told(Concurrent, "a"))
	}
	khz, _ := strconv.ParseFloat(m[1], 64)
	cpus, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	mhz := regexp.MustCompile(`cpu MHz\s*: ([0-9.]+)`).FindSubmatch(cpus)
	if mhz == nil {
		t.Skip("/proc/cpuinfo tells no rate")
	}
	want, _ := strconv.ParseFloat(string(mhz[1]), 64)
	if khz < want*1000/4 || khz > want*1000*4 {
		t.Errorf("%.0f kHz; /proc/cpuinfo says %.3f MHz", khz, want)
	}
}
