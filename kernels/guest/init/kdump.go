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
	switch errno {
	case 0:
		return nil
	case syscall.ENOEXEC: // bzImage64_probe()
		return fmt.Errorf("load the crash kernel: %w: started by an EFI of 32 bits a kernel of 64 takes none: put efi=noruntime on its command line", errno)
	case syscall.EADDRNOTAVAIL:
		return fmt.Errorf("load the crash kernel: %w: nothing is reserved for one: the command line wants crashkernel=SIZE, and the board as much memory", errno)
	}
	return fmt.Errorf("load the crash kernel: %w", errno)
}
