// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"fmt"
	"time"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/dut/qemu/vuart"
	"lastpage/kernels/plan"
)

// boot watches a guest until it is armed. A kernel that dies before is given up at once, however the board starts its trials.
type boot struct {
	armed bool          // what follows is the trial's
	dead  bool          // a dying kernel's first words were seen
	died  chan struct{} // closed then
	seen  int64         // the wire up to here has none
}

func newBoot() *boot { return &boot{died: make(chan struct{})} }

// look is given all that is on the wire, and all events up to its end or later.
func (b *boot) look(log *wire.Log, events []dut.Event) {
	for _, e := range events {
		b.armed = b.armed || e.Code == plan.Armed
	}
	if b.armed || b.dead {
		return
	}
	n := log.Len()
	if at, _ := dut.Death(log.Bytes(b.seen, n)); at >= 0 {
		b.dead = true
		close(b.died)
		return
	}
	b.seen = max(b.seen, n-wordsLen)
}

// wordsLen is more than a dying kernel's first words are long.
const wordsLen = 64

// Silences after which nothing more is expected from a kernel that died, on its own clock: after the end of its panic, and without one
// (panic() waits 1 s for other CPUs). babble bounds one that is never silent.
const (
	panicOver = 100 * time.Millisecond
	deathOver = 2 * time.Second
	babble    = 30 * time.Second
)

// lastWords lets a kernel that died say the rest. The trial's triggers are replaced: there will be no trial.
func (l *live) lastWords(ctx context.Context) error {
	state, err := l.machine.stop(ctx)
	if err != nil || state != "paused" { // it has ended by itself
		return err
	}
	// As it goes on after a stop from outside, QEMU's clock may leap to the next timer: one that is set while the CPUs still stand moves it
	// (timerlist_rearm() in util/qemu-timer.c). Then the silence is no guest's: it wrote nothing, and is let go on once more.
	for range 3 {
		had := l.page.Stats().Writes
		if err := l.page.SetTriggers([]vuart.Trigger{
			{Kind: vuart.AtPattern, Pattern: []byte(dut.PanicEnds)},
			{Kind: vuart.AtQuiet, N: int64(panicOver), After: 1, Action: vuart.Stop},
			{Kind: vuart.AtQuiet, N: int64(deathOver), Action: vuart.Stop},
			{Kind: vuart.AtTime, N: l.page.Stats().NowNS + int64(babble), Action: vuart.Stop},
		}); err != nil {
			return err
		}
		if err := l.machine.Cont(ctx); err != nil {
			return err
		}
		if err := l.machine.standing(ctx); err != nil || l.page.Stats().Writes > had {
			return err
		}
	}
	return nil
}

// bootError is how a run ended for a guest that was never armed; nil if it was, or if whoever armed the triggers had it stopped for a reason
// of his own.
func (l *live) bootError(end dut.End) error {
	why, doubt, console := "", false, l.log.Bytes(0, l.log.Len())
	switch b := l.boot; {
	case b.armed:
		return nil
	case b.dead:
		_, line := dut.Death(console) // of which the end was not there when it was seen
		why = fmt.Sprintf("the kernel died (%s)", line)
	case l.complaint() != "":
		why, doubt = fmt.Sprintf("the guest could not do what was asked (%s)", l.complaint()), true
	case end.By != "trigger":
		why = fmt.Sprintf("the machine ended (%s)", end.By)
	case end.Firing >= 0 && l.armed[end.Firing].When == dut.AtTime && l.armed[end.Firing].After == "":
		why, doubt = fmt.Sprintf("%s of the machine's time passed", time.Duration(l.armed[end.Firing].N)), true
	default:
		return nil
	}
	boot := dut.NewBootError(why, console)
	boot.Doubt = doubt
	return boot
}

// complaint is what the guest's init said that it could not do; "" if it said nothing.
func (l *live) complaint() string {
	for _, m := range l.heard() {
		if m.Event == plan.EventError {
			return m.Text
		}
	}
	return ""
}
