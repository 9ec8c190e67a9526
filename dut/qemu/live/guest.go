// SPDX-License-Identifier: Apache-2.0

// Package live starts a guest at whose serial line somebody sits, a test or a person: nobody knows beforehand what will be typed, so
// nothing about it can be repeated.
//
// In: a kernel or firmware and the wire's mode. Out: the UART's page, from which bytes are drained and into which they are pushed
// (dut/qemu/vuart). The guest ends with the process that started it, however that happens.
package live

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"lastpage/dut/child"
	"lastpage/dut/qemu"
	"lastpage/dut/qemu/vuart"
)

// UBoot is where Debian's u-boot-qemu has a boot loader for a PC.
const UBoot = "/usr/lib/u-boot/qemu-x86/u-boot.rom"

// Machine is what is started.
type Machine struct {
	Spec     qemu.Spec // without the paths of what is handed over: RAM, Initrd, Plugin, QMP
	Initrd   []byte
	Firmware string // file that is run instead of a kernel
	Page     vuart.Config
}

// Guest is a machine that runs.
type Guest struct {
	Page *vuart.Page
	proc *child.Process
}

// Start starts the guest. Its receiver is looked after every 2 ms of host time (vuart.Live).
func Start(ctx context.Context, m Machine) (g *Guest, err error) {
	plugin, err := vuart.Build(ctx)
	if err != nil {
		return nil, err
	}
	var files child.Files
	defer files.Close()
	ram, err := child.Memfd("lastpage-live-ram", int64(m.Spec.MemMiB)<<20)
	if err != nil {
		return nil, err
	}
	m.Spec.RAM = files.Give(ram)
	if m.Initrd != nil {
		f, err := child.Memfd("lastpage-live-initrd", 0)
		if err != nil {
			return nil, err
		}
		m.Spec.Initrd = files.Give(f)
		if _, err := f.Write(m.Initrd); err != nil {
			return nil, err
		}
	}
	f, err := child.Memfd("lastpage-live-page", 0)
	if err != nil {
		return nil, err
	}
	page, err := vuart.Init(f, m.Page)
	if err != nil {
		return nil, err
	}
	dup, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", page.File().Fd())) // ours to close
	if err != nil {
		page.Close()
		return nil, err
	}
	m.Spec.Plugin = vuart.Args(plugin, files.Give(dup), vuart.Live)
	m.Spec.QMP = fmt.Sprintf("lastpage-live-%d-%d", os.Getpid(), time.Now().UnixNano())
	proc, err := child.Start(m.argv(), &files)
	if err != nil {
		page.Close()
		return nil, err
	}
	return &Guest{Page: page, proc: proc}, nil
}

// argv is the board's command line, except that the guest runs at once, since nothing has to be set up over the monitor before, and that
// its reset is a reset and its power-off the end.
func (m *Machine) argv() []string {
	argv := slices.DeleteFunc(m.Spec.Argv(), func(a string) bool { return a == "-S" })
	if i := slices.Index(argv, "-action"); i >= 0 {
		argv = slices.Delete(argv, i, i+2)
	}
	if m.Firmware != "" {
		i := slices.Index(argv, "-kernel")
		argv = slices.Replace(argv, i, i+2, "-bios", m.Firmware)
	}
	return argv
}

// Done is closed when the guest has ended.
func (g *Guest) Done() <-chan struct{} { return g.proc.Done() }

// Failure describes a guest that is gone. It wraps an *exec.ExitError if QEMU did not end well.
func (g *Guest) Failure() error { return g.proc.Failure() }

// Kill ends the guest. The page stays: it is the caller's to read and close.
func (g *Guest) Kill() { g.proc.Kill() }
