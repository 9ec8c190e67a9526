// SPDX-License-Identifier: Apache-2.0

package port

import (
	"time"

	"lastpage/capture/wire"
)

const (
	// stallAfter is how long a turn of the read loop may take before it counts as a standstill. A tty keeps 16 KiB at least, 1.4 s of 115200
	// baud, and for a UART's driver 640 KiB.
	stallAfter = time.Second
	// sleptAfter is a time of suspension that counts; less is the reading of two clocks one after the other.
	sleptAfter = 50 * time.Millisecond
	// drainedAfter is how long the port must not have been full before what the kernel had kept counts as read. The kernel moves bytes up to
	// us in a worker of its own (drivers/tty/tty_buffer.c, flush_to_ldisc), which may come late on a busy machine.
	drainedAfter = 2 * readWait
)

// stall notices that this program stood still while the line may have talked: SIGSTOP, a full disk queue, swap, a suspended machine.
type stall struct {
	looked, slept int64 // ns, of the last turn and of the last look at the other clock
	asked         int64 // ns, of that look
	owed          int64 // ns of standstills whose mark comes after what the kernel had kept for us
	full          int64 // ns, of the last turn at which the port was full
}

func (s *stall) start(now, slept int64) { s.looked, s.slept = now, slept }

// stood is called once a turn, before the read. A standstill costs bytes where so much waits that the kernel may have refused more and nobody
// counts that; a suspended machine, whose UARTs are off, always.
func (r *run) stood() error {
	now, s := r.now(), &r.stall
	still, nap := now-s.looked, int64(0)
	s.looked = now
	if now-s.asked >= int64(readWait) {
		slept := r.asleep()
		nap = slept - s.slept
		s.slept, s.asked = slept, now
	}
	late := still > int64(stallAfter)
	full := (late || nap > int64(sleptAfter) || s.owed > 0) && r.src.full() // it is asked where it matters
	if full {
		s.full = now
	}
	switch {
	case nap > int64(sleptAfter):
		s.owed += still + nap
		r.void("this machine was suspended for %v", time.Duration(nap).Round(time.Millisecond))
		r.tell("this machine was suspended for %v: what the line said then is lost", time.Duration(nap).Round(time.Millisecond))
	case late && r.book == nil && full:
		s.owed += still
		r.void("this program stood still for %v and the port was full: what did not fit is lost", time.Duration(still).Round(time.Millisecond))
		r.tell("this program stood still for %v and the port was full: what did not fit is lost", time.Duration(still).Round(time.Millisecond))
	case s.owed > 0:
		return s.settle(r, now, now-s.full >= int64(drainedAfter))
	}
	return nil
}

// settle marks the loss once what was kept has been read: the kernel keeps the oldest bytes. On a line that goes on talking the mark comes up
// to drainedAfter late, never early.
func (s *stall) settle(r *run, now int64, read bool) error {
	if s.owed == 0 || !read {
		return nil
	}
	n := s.owed
	s.owed = 0
	r.report.Stalls++
	return r.mark(wire.MarkGap, now, uint64(n))
}
