// SPDX-License-Identifier: Apache-2.0

package lines_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clockTick of /proc/PID/stat: USER_HZ, which is 100 wherever Linux runs Go.
const clockTick = 10 * time.Millisecond

// cost is what a process has used.
type cost struct {
	cpu           time.Duration // in user and system mode, of all threads
	rss, pss, uss int64         // bytes: resident; with shared pages divided by who has them; private alone
}

func (c *cost) add(o cost) {
	c.cpu += o.cpu
	c.rss += o.rss
	c.pss += o.pss
	c.uss += o.uss
}

// ownCPU is what this process has used: to send, here.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// costOf asks the kernel.
func costOf(pid int) (c cost, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return c, err
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	f := strings.Fields(after)
	for _, i := range []int{11, 12} { // utime and stime, proc(5)
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return c, err
		}
		c.cpu += time.Duration(n) * clockTick
	}
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return c, err
	}
	for _, l := range strings.Split(string(rollup), "\n") {
		name, value, _ := strings.Cut(l, ":")
		kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "Rss":
			c.rss = kib << 10
		case "Pss":
			c.pss = kib << 10
		case "Private_Clean", "Private_Dirty":
			c.uss += kib << 10
		}
	}
	return c, nil
}
