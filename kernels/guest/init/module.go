// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"lastpage/kernels/plan"
)

// probeFile and modulesFile are written by kernels.WriteInitramfs.
const (
	probeFile   = "/lastpage/lastpage_probe.ko"
	modulesFile = "/lastpage/modules"
)

// moduleList is the modules of the initramfs in load order, one path a line. No file: all is built in.
func moduleList() ([]string, error) {
	data, err := os.ReadFile(modulesFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return strings.Fields(string(data)), err
}

func load(path, params string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	arg, err := syscall.BytePtrFromString(params)
	if err != nil {
		return err
	}
	if _, _, errno := syscall.Syscall(sysFinitModule, f.Fd(), uintptr(unsafe.Pointer(arg)), 0); errno != 0 && errno != syscall.EEXIST {
		return fmt.Errorf("load %s: %w", path, errno)
	}
	return nil
}

// loadProbe hands the plan to the probe. Every value is a number or hex digits, so nothing needs quoting.
func loadProbe(p *plan.Plan) error {
	return load(probeFile, fmt.Sprintf("run_id=%s backlog=%d record_len=%d backlog_cpu=%d provoke_cpu=%d delay_ms=%d flood_us=%d "+
		"provoke=%d context=%d die_at=%d die_how=%d nested=%d doorbell=%d", p.RunID, p.Backlog, p.RecordLen, p.BacklogCPU,
		p.ProvokeCPU, p.DelayMS, p.FloodUS, plan.ProvokeArg(p.Provoke), plan.ContextArg(p.Context), plan.StepArg(p.DieAt),
		plan.DeathArg(p.DieHow), plan.NestedArg(p.Nested), p.Doorbell.Port))
}

// poke writes a parameter of the loaded probe. "wait" returns when the provocation is over.
func poke(param, value string) error {
	return os.WriteFile("/sys/module/lastpage_probe/parameters/"+param, []byte(value), 0)
}
