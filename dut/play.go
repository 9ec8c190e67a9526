// SPDX-License-Identifier: Apache-2.0

package dut

import "context"

// Played is what a board tells of a machine that has stopped.
type Played struct {
	End    End
	Fired  []Firing
	Events []Event // nil: there is no doorbell
	Audit  *Audit  // nil: nothing accounts for the tap's losses
}

// Play arms the board and lets it run to its end. It is the one way in which a trial is conducted, whatever is made of it afterwards.
func Play(ctx context.Context, b *Board, ts []Trigger) (*Played, error) {
	if err := b.Machine.Arm(ts); err != nil {
		return nil, err
	}
	end, err := b.Machine.Run(ctx)
	if err != nil {
		return nil, err
	}
	p := &Played{End: end, Fired: b.Machine.Fired()}
	if b.Events != nil {
		p.Events = b.Events()
	}
	if b.Audit != nil {
		a := b.Audit()
		p.Audit = &a
	}
	return p, nil
}
