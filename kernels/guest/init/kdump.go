// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"lastpage/kernels/plan"
)

// kexecFileOnCrash is KEXEC_FILE_ON_CRASH of include/uapi/linux/kexec.h.
const kexecFileOnCrash = 2

// loadCrashKernel loads a whole kernel into the reserved range.
func loadCrashKernel(k *plan.Kdump) error {
	kernel, err := os.Open(k.Kernel)
	if err != nil {
		return err
	}
	defer kernel.Close()
	initrd, err := os.Open(k.Initrd)
	if err != nil {
		return err
	}
	defer initrd.Close()
	line, err := syscall.BytePtrFromString(k.Cmdline)
	if err != nil {
		return err
	}
	_, _, errno := syscall.Syscall6(sysKexecFileLoad, kernel.Fd(), initrd.Fd(), uintptr(len(k.Cmdline)+1), uintptr(unsafe.Pointer(line)), kexecFileOnCrash, 0)
	if errno != 0 {
		return fmt.Errorf("load the crash kernel: %w (the command line wants crashkernel=SIZE)", errno)
	}
	return nil
}
