// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"lastpage/dut"
	"lastpage/dut/bench/power"
	"lastpage/kernels/plan"
)

// machine is one board for one trial. It is a dut.Machine.
type machine struct {
	s    *Setup
	p    Payload
	line *line

	armed []dut.Trigger
	after []int
	fired []dut.Firing

	facts      map[string]string
	unverified bool
	kernelAt   int64 // offset before which all is the loader's
	messages   []plan.Message
	armedAt    moment // when the report had come
	end        dut.End
	struck     bool // we did something that a kernel may die of
}

// moment is a time on the line's clock and the bytes that had come by then.
type moment struct{ ns, off int64 }

// Arm implements dut.Machine.
func (m *machine) Arm(ts []dut.Trigger) error {
	if err := m.s.Can(ts); err != nil {
		return err
	}
	after, err := dut.Order(ts)
	if err != nil {
		return err
	}
	m.armed, m.after, m.fired = ts, after, make([]dut.Firing, len(ts))
	for i, t := range ts {
		m.fired[i].Name = t.Name
	}
	return nil
}

// Fired implements dut.Machine.
func (m *machine) Fired() []dut.Firing { return m.fired }

// Run implements dut.Machine: power, loader, kernel, and the trial.
func (m *machine) Run(ctx context.Context) (dut.End, error) {
	none := dut.End{Firing: -1}
	if err := m.boot(ctx); err != nil {
		if ctx.Err() == nil {
			err = &dut.BoardError{Board: m.s.Name, Err: err}
		}
		return none, err
	}
	if err := m.awaitArmed(ctx); err != nil {
		return none, err
	}
	end, err := newWatch(m).run(ctx)
	end.Begin = &m.kernelAt
	m.end = end
	return end, err
}

// rebooted is where the board came back to its loader though neither we nor the plan wanted that and its kernel had not said that it dies;
// -1 if it did not. The kernel may have done it, or a watchdog, or the power: nobody can tell.
func (m *machine) rebooted() int64 {
	if m.end.By != guestReset || m.end.Wire == nil || m.p.Plan != nil && m.p.Plan.DieAt != plan.StepNone {
		return -1
	}
	for i := range m.armed {
		if m.armed[i].Do == dut.Reset && m.fired[i].Fired {
			return -1
		}
	}
	if at, _ := dut.Death(m.line.log.Bytes(m.armedAt.off, *m.end.Wire)); at >= 0 {
		return -1
	}
	return *m.end.Wire
}

// mayBeDead says whether the kernel may have died. One that handed over to a crash kernel may have said nothing of it, and the crash kernel
// may be silent for long.
func (m *machine) mayBeDead() bool {
	at, _ := dut.Death(m.line.log.Bytes(m.armedAt.off, m.line.log.Len()))
	return m.end.By == dut.AnotherKernel || m.struck || at >= 0 || m.p.Plan != nil && m.p.Plan.Kills()
}

// boot switches the board on and has its loader start the kernel, from power off as often as that may fail.
func (m *machine) boot(ctx context.Context) error {
	files, err := m.s.Boot.Prepare(&m.p)
	if err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	var failed tries
	for try := 1; ; try++ {
		err := m.tryBoot(ctx, files)
		if err == nil || ctx.Err() != nil {
			return err
		}
		failed = append(failed, err)
		if try == m.s.Within.Tries {
			return failed.error()
		}
		if err := m.power(ctx, power.Off); err != nil {
			return errors.Join(failed.error(), err)
		}
	}
}

// tries are the errors of tries to boot.
type tries []error

// error is one error: what failed each time is said once.
func (t tries) error() error {
	same := 1
	for same < len(t) && t[same].Error() == t[0].Error() {
		same++
	}
	switch {
	case len(t) == 1:
		return fmt.Errorf("boot: %w", t[0])
	case same == len(t):
		return fmt.Errorf("boot, %d tries: %w", len(t), t[0])
	}
	var all error
	for i, err := range t {
		all = errors.Join(all, fmt.Errorf("boot, try %d of %d: %w", i+1, len(t), err))
	}
	return all
}

func (m *machine) tryBoot(ctx context.Context, files any) error {
	from := m.line.log.Len()
	if err := m.power(ctx, power.On); err != nil {
		return err
	}
	started, err := m.s.Boot.Boot(ctx, m.line, files, from)
	if err != nil {
		return err
	}
	m.kernelAt = started
	return nil
}

// Silences after the last words of a kernel that died before it was armed, and how long one is listened to that is never silent.
const (
	deathOver = 2 * time.Second
	babble    = 30 * time.Second
)

// awaitArmed reads the console until the guest has reported. What comes after that is the trial's.
func (m *machine) awaitArmed(whole context.Context) error {
	ctx, cancel := context.WithTimeoutCause(whole, m.s.Within.Boot, errLate)
	defer cancel()
	log := m.line.log
	look, seen := m.kernelAt, m.kernelAt
	for n := m.kernelAt; ; {
		err := log.Wait(ctx, n+1)
		if err != nil {
			if errors.Is(context.Cause(ctx), errLate) {
				return m.bootError(fmt.Sprintf("%s passed since the loader's last word", m.s.Within.Boot), true)
			}
			return fmt.Errorf("console %s: %w", m.s.Place, err)
		}
		n = log.Len()
		message, end := plan.FindReport(log.Bytes(look, n))
		look += int64(end)
		before := n
		if message != nil {
			before = look
		}
		if at, _ := dut.Death(log.Bytes(seen, before)); at >= 0 {
			if err := m.line.quiet(whole, deathOver, babble); whole.Err() != nil {
				return err
			}
			_, words := dut.Death(log.Bytes(seen, log.Len()))
			return m.bootError("the kernel died ("+words+")", false)
		}
		seen = max(seen, before-wordsLen)
		if back := m.s.Boot.Banner(); back != "" && bytes.Contains(log.Bytes(m.kernelAt, before), []byte(back)) {
			return m.bootError("the board came back to its loader", false)
		}
		if o, ok := m.s.Boot.(owner); ok && o.Own() != "" && bytes.Contains(log.Bytes(m.kernelAt, before), []byte(o.Own())) {
			return &dut.BoardError{Board: m.s.Name, Err: errors.New("boot: the board's own system came up, and not the kernel of the trial: its loader did not take what was put beside it: " +
				"look at entry:, text: and once:, and at what the loader says in wire.bin")}
		}
		if message == nil {
			continue
		}
		m.messages = append(m.messages, *message)
		switch message.Event {
		case plan.EventError:
			return m.bootError(fmt.Sprintf("the guest could not do what was asked (%s)", message.Text), true)
		case plan.EventArmed:
			m.armedAt = m.at(look)
			return nil
		}
	}
}

// wordsLen is more than a dying kernel's first words are long.
const wordsLen = 64

var errLate = errors.New("the guest was not armed in time")

// at is when the byte before off had come.
func (m *machine) at(off int64) moment {
	ns, ok := m.line.log.TimeAt(off - 1)
	if !ok {
		ns = now()
	}
	return moment{ns, off}
}

func (m *machine) bootError(why string, doubt bool) error {
	e := dut.NewBootError(why, m.line.log.Bytes(m.kernelAt, m.line.log.Len()))
	e.Doubt = doubt
	return e
}

// Can says whether the board can do what triggers ask: nil, or a *dut.CannotError.
func (s *Setup) Can(ts []dut.Trigger) error {
	for _, t := range ts {
		cannot := &dut.CannotError{Board: s.Name, What: fmt.Sprintf("the trigger %q", t.Name)}
		switch {
		case t.When == dut.AtSymbol:
			cannot.Why = "nobody outside a machine sees which instruction it executes: interrupt it at a byte, a pattern or a time"
		case t.Do == dut.NMI && s.NMI == nil:
			cannot.Why = "no nmi: is in its entry of the inventory"
		case t.Do == dut.Send && t.Break && !s.Breaks:
			cannot.Why = "its console carries no BREAK: take rfc2217:// or a serial port"
		default:
			continue
		}
		return cannot
	}
	_, err := dut.Order(ts)
	return err
}

var _ dut.Machine = (*machine)(nil)
