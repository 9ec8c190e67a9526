// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"lastpage/kernels/plan"
)

// The crash kernel of StepCrashExec is a few instructions that tell the doorbell and die. kexec_load(2) takes raw segments for
// the reserved range (crashkernel= on the command line) and jumps to the entry, so nothing of a real kernel is needed.
const (
	kexecOnCrash = 1
	pageSize     = 4096
)

type kexecSegment struct {
	buf   *byte
	bufsz uintptr
	mem   uintptr
	memsz uintptr
}

func loadCrashStub(p *plan.Plan) error {
	data, err := os.ReadFile("/proc/iomem")
	if err != nil {
		return err
	}
	at, err := crashRange(string(data))
	if err != nil {
		return err
	}
	code := crashStub(p.Doorbell.Port, p.DieHow)
	seg := kexecSegment{&code[0], uintptr(len(code)), at, pageSize}
	_, _, errno := syscall.Syscall6(sysKexecLoad, at, 1, uintptr(unsafe.Pointer(&seg)), kexecOnCrash|kexecArch, 0, 0)
	runtime.KeepAlive(code)
	if errno != 0 {
		return fmt.Errorf("load the crash kernel: %w", errno)
	}
	return nil
}

// crashRange is the page-aligned start of the reserved range.
func crashRange(iomem string) (uintptr, error) {
	for l := range strings.Lines(iomem) {
		r, name, ok := strings.Cut(l, " : ")
		if !ok || strings.TrimSpace(name) != "Crash kernel" {
			continue
		}
		var lo, hi uintptr
		if _, err := fmt.Sscanf(strings.TrimSpace(r), "%x-%x", &lo, &hi); err != nil {
			return 0, fmt.Errorf("read the crash kernel's range %q: %w", r, err)
		}
		lo = (lo + pageSize - 1) &^ (pageSize - 1)
		if hi < lo+pageSize {
			return 0, fmt.Errorf("crash kernel's range %q is too small", r)
		}
		return lo, nil
	}
	return 0, errors.New("no range is reserved for a crash kernel: crashkernel=64M is missing on the command line")
}
