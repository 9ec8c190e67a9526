// SPDX-License-Identifier: Apache-2.0

// Package live starts a guest at whose serial line somebody sits, a test or a person: nobody knows beforehand what will be typed, so
// nothing about it can be repeated.
//
// In: a kernel or firmware and the wire's mode. Out: the UART's page, from which bytes are drained and into which they are pushed
// (dut/qemu/vuart). The guest ends with the process that started it, however that happens.
package live

import (
	"context"

	"lastpage/dut/child"
	"lastpage/dut/qemu"
	"lastpage/dut/qemu/vuart"
)

// UBoot is where Debian's u-boot-qemu has a boot loader for a PC.
const UBoot = "/usr/lib/u-boot/qemu-x86/u-boot.rom"

// BIOS is where Debian's seabios has a PC's BIOS, which boots from a network card that has a PXE (ipxe-qemu).
const BIOS = "/usr/share/seabios/bios-256k.bin"

// Machine is what is started.
type Machine struct {
	Spec     qemu.Spec // without what Start sets: names of what is handed over, Firmware, Restarts
	Initrd   []byte
	Firmware string // file that is run instead of a kernel
	Page     vuart.Config
}

// Guest is a machine that runs.
type Guest struct {
	Page    *vuart.Page
	machine *qemu.Machine
}

// Start starts the guest, whose reset is a reset and whose power-off is the end. Its receiver is looked after every 2 ms of host time
// (vuart.Live).
func Start(ctx context.Context, m Machine) (*Guest, error) {
	plugin, err := vuart.Build(ctx)
	if err != nil {
		return nil, err
	}
	ram, err := qemu.NewRAM(int64(m.Spec.MemMiB) << 20)
	if err != nil {
		return nil, err
	}
	defer ram.Close()
	f, err := child.Memfd("lastpage-live-page", 0)
	if err != nil {
		return nil, err
	}
	page, err := vuart.Init(f, m.Page)
	if err != nil {
		return nil, err
	}
	m.Spec.Firmware, m.Spec.Restarts = m.Firmware, true
	machine, err := qemu.Launch(ctx, m.Spec, qemu.Handed{RAM: ram, Initrd: m.Initrd, Plugin: plugin, Page: page, Options: []vuart.Option{vuart.Live}})
	if err != nil {
		page.Close()
		return nil, err
	}
	if err := machine.Cont(ctx); err != nil {
		machine.Close()
		page.Close()
		return nil, err
	}
	return &Guest{Page: page, machine: machine}, nil
}

// Done is closed when the guest has ended.
func (g *Guest) Done() <-chan struct{} { return g.machine.Done() }

// Failure describes a guest that is gone. It wraps an *exec.ExitError if QEMU did not end well.
func (g *Guest) Failure() error { return g.machine.Failure() }

// Reset resets the guest as its button would.
func (g *Guest) Reset(ctx context.Context) error { return g.machine.Reset(ctx) }

// NMI raises an NMI on every CPU of it.
func (g *Guest) NMI(ctx context.Context) error { return g.machine.NMI(ctx) }

// Dump writes its memory to path as an ELF core.
func (g *Guest) Dump(ctx context.Context, path string) error { return g.machine.Dump(ctx, path) }

// Kill ends the guest. The page stays: it is the caller's to read and close.
func (g *Guest) Kill() { g.machine.Close() }
