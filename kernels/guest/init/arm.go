// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"lastpage/kernels/plan"
)

// arm sets everything the plan asks for, loads the probe, and reads back what the kernel made of it.
func arm(p *plan.Plan) (*plan.Message, error) {
	cpus, err := onlineCPUs()
	if err != nil {
		return nil, err
	}
	if err := p.CheckCPUs(cpus); err != nil {
		return nil, err
	}
	if p.Doorbell.Address != 0 {
		return nil, fmt.Errorf("doorbell at %s: on x86 it is a port", p.Doorbell)
	}
	set := []struct {
		name, value string
		wanted      bool
	}{
		{"sysrq", "1", true},
		{"printk", strconv.Itoa(p.ConsoleLoglevel), true},
		{"panic_on_oops", "1", p.PanicOnOops},
		{"panic_on_warn", "1", p.PanicOnWarn},
		{"softlockup_panic", "1", p.SoftlockupPanic},
		{"watchdog_thresh", "1", p.Provoke == plan.ProvokeSoftlockup}, // s; the probe spins for 5 s
	}
	for _, s := range set {
		if s.wanted {
			if err := os.WriteFile("/proc/sys/kernel/"+s.name, []byte(s.value), 0); err != nil {
				return nil, err
			}
		}
	}
	settle()
	if p.OpenConsole {
		// Without O_NONBLOCK open(2) waits for a carrier. The descriptor is kept for ever.
		if _, err := syscall.Open(consolePort, syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0); err != nil {
			return nil, fmt.Errorf("open %s: %w", consolePort, err)
		}
	}
	if p.Kdump != nil {
		if err := loadCrashKernel(p.Kdump); err != nil {
			return nil, err
		}
	}
	if p.DieAt == plan.StepCrashExec {
		if err := loadCrashStub(p); err != nil {
			return nil, err
		}
	}
	if p.Run != nil && p.Run.Applets {
		if err := applets(); err != nil {
			return nil, err
		}
	}
	if p.NoProbe {
		door, err = ownDoor(p.Doorbell)
	} else {
		err = loadProbe(p)
	}
	if err != nil {
		return nil, err
	}
	return readBack(p, cpus)
}

func readBack(p *plan.Plan, cpus int) (*plan.Message, error) {
	m := &plan.Message{Event: plan.EventArmed, CPUs: cpus}
	m.Release = line("/proc/sys/kernel/osrelease")
	m.Cmdline = line("/proc/cmdline")
	m.Consoles = line("/proc/consoles")
	m.PrintkTime = line("/sys/module/printk/parameters/time") == "Y"
	m.CrashLoaded = line("/sys/kernel/kexec_crash_loaded") == "1"
	var err error
	if m.Sysrq, err = strconv.Atoi(line("/proc/sys/kernel/sysrq")); err != nil {
		return nil, fmt.Errorf("read sysrq back: %w", err)
	}
	level, _, _ := strings.Cut(line("/proc/sys/kernel/printk"), "\t")
	if m.ConsoleLoglevel, err = strconv.Atoi(level); err != nil {
		return nil, fmt.Errorf("read console_loglevel back: %w", err)
	}
	if m.ConsoleLoglevel != p.ConsoleLoglevel || m.Sysrq != 1 {
		return nil, fmt.Errorf("read back: console_loglevel %d, sysrq %d: want %d and 1", m.ConsoleLoglevel, m.Sysrq, p.ConsoleLoglevel)
	}
	if len(p.Symbols) > 0 {
		if m.Symbols, err = symbols(p.Symbols); err != nil {
			return nil, err
		}
	}
	if p.Place {
		m.Place, err = place(line("/proc/iomem"), line("/sys/kernel/vmcoreinfo"))
	}
	return m, err
}

// line is the text of a small file without the blank space around it; empty if it cannot be read.
func line(path string) string {
	data, _ := os.ReadFile(path)
	return strings.TrimSpace(string(data))
}

func onlineCPUs() (int, error) {
	n := 0
	for _, r := range strings.Split(line("/sys/devices/system/cpu/online"), ",") {
		lo, hi, ok := strings.Cut(r, "-")
		if !ok {
			hi = lo
		}
		a, err1 := strconv.Atoi(lo)
		b, err2 := strconv.Atoi(hi)
		if err1 != nil || err2 != nil || a > b {
			return 0, fmt.Errorf("count CPUs: %q", r)
		}
		n += b - a + 1
	}
	return n, nil
}

// symbols looks names up in /proc/kallsyms, modules included. A name that occurs twice keeps its first address.
func symbols(names []string) (map[string]string, error) {
	want := make(map[string]bool, len(names))
	for _, n := range names {
		want[n] = true
	}
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	found := map[string]string{}
	sc := bufio.NewScanner(bufio.NewReaderSize(f, 1<<16))
	for sc.Scan() && len(found) < len(want) {
		// "ffffffff81000000 T name\t[module]"
		b := sc.Bytes()
		if len(b) < 20 || b[16] != ' ' || b[18] != ' ' {
			continue
		}
		end := 19
		for end < len(b) && b[end] != '\t' {
			end++
		}
		if name := b[19:end]; want[string(name)] {
			if _, twice := found[string(name)]; !twice {
				found[string(name)] = string(b[:16])
			}
		}
	}
	return found, sc.Err()
}

// dumpKmsg sends what /dev/kmsg holds now, record by record.
func dumpKmsg(ctl *control, after bool) error {
	fd, err := syscall.Open("/dev/kmsg", syscall.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("read /dev/kmsg: %w", err)
	}
	defer syscall.Close(fd)
	buf := make([]byte, 16<<10)
	for {
		n, err := syscall.Read(fd, buf)
		switch err {
		case nil:
			if n == 0 {
				return nil
			}
			if err := ctl.send(&plan.Message{Event: plan.EventKmsg, Line: string(buf[:n]), After: after}); err != nil {
				return err
			}
		case syscall.EPIPE, syscall.EINTR: // overwritten while we read: the next read is the oldest there is
		case syscall.EAGAIN:
			return nil
		default:
			return fmt.Errorf("read /dev/kmsg: %w", err)
		}
	}
}
