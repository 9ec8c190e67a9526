// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"lastpage/dut/child"
	"lastpage/dut/qemu/vuart"
)

// Handed is what a QEMU gets from us by descriptor. All of it stays the caller's, and may be closed once QEMU is up.
type Handed struct {
	RAM     *RAM
	Initrd  []byte         // nil: none
	Control *os.File       // takes what the guest says on the control channel; nil: there is none
	Plugin  string         // path of the UART model, with Page and Options
	Page    *vuart.Page    // nil: QEMU's own UART, without a baud rate
	Options []vuart.Option //
	Serial  *os.File       // a connected socket, the far end of QEMU's own UART; nil: nobody is there
}

// Launch starts a QEMU and returns when its monitor answers. The guest stands until Cont. spec has no names of what is handed over.
func Launch(ctx context.Context, spec Spec, h Handed) (*Machine, error) {
	var files child.Files
	own, private := h.RAM.memory.(*view)
	spec.RAM, spec.Private = files.Give(h.RAM.file), private
	if spec.Firmware == "" {
		spec.Cmdline = told(spec.Mode, spec.Cmdline)
	}
	if h.Initrd != nil {
		f, err := child.Memfd("lastpage-initrd", 0)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if _, err := f.Write(h.Initrd); err != nil {
			return nil, fmt.Errorf("write initramfs: %w", err)
		}
		spec.Initrd = files.Give(f)
	}
	if h.Control != nil {
		spec.Control = files.Give(h.Control)
	}
	if h.Page != nil {
		spec.Plugin = vuart.Args(h.Plugin, files.Give(h.Page.File()), h.Options...)
	}
	if h.Serial != nil {
		files.Give(h.Serial)
		spec.Serial = fmt.Sprintf("socket,fd=%d", files.Last())
	}
	spec.QMP = "lastpage-" + rand.Text()
	proc, err := child.Start(spec.Argv(), &files)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, errors.New("QEMU did not come up"))
	defer cancel()
	mon, err := dial(ctx, spec.QMP, proc)
	if err != nil {
		proc.Kill()
		return nil, err
	}
	if private {
		if err := own.attach(proc.PID(), h.RAM.file); err != nil {
			proc.Kill()
			return nil, err
		}
	}
	return &Machine{proc: proc, mon: mon}, nil
}
