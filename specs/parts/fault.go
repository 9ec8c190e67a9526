// SPDX-License-Identifier: Apache-2.0

package parts

import (
	"context"
	"errors"
	"syscall"
)

// SignalServer sends a signal to the terminal server of a board; after SIGKILL it has ended when this returns.
func (b *Bench) SignalServer(d *Board, s syscall.Signal) error { return d.server.signal(s) }

// ServeAgain starts the terminal server of a board again, on the same port.
func (b *Bench) ServeAgain(ctx context.Context, d *Board) error { return b.serve(ctx, d) }

// KillBMC ends the BMC of a board by SIGKILL.
func (b *Bench) KillBMC(d *Board) error { return d.bmc.signal(syscall.SIGKILL) }

// ManageAgain starts the BMC of a board again, on the same port.
func (b *Bench) ManageAgain(ctx context.Context, d *Board) error { return b.manage(ctx, d) }

func (t *task) signal(s syscall.Signal) error {
	if t == nil {
		return errors.New("this board has no such part")
	}
	if err := t.cmd.Process.Signal(s); err != nil || s != syscall.SIGKILL {
		return err
	}
	<-t.ended
	return nil
}
