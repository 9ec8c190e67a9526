// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
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
// the reserved range (crashkernel= on the command line) and jumps to the entry in 64-bit mode, identity-mapped
// (arch/x86/kernel/machine_kexec_64.c), so nothing of a real kernel is needed.
const (
	sysKexecLoad    = 246 // x86-64
	kexecOnCrash    = 1
	kexecArchX86_64 = 62 << 16
	pageSize        = 4096
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
	code := crashStub(p.Doorbell, p.DieHow)
	seg := kexecSegment{&code[0], uintptr(len(code)), at, pageSize}
	_, _, errno := syscall.Syscall6(sysKexecLoad, at, 1, uintptr(unsafe.Pointer(&seg)), kexecOnCrash|kexecArchX86_64, 0, 0)
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

// crashStub is position-independent x86-64 code.
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
