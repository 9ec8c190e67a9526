// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	"bytes"
	"fmt"
)

// State is how far the device has come.
type State uint32

const (
	Created State = iota // no QEMU has seen the page
	Loaded               // the plugin is in, the machine is being built
	Ready                // the machine is complete and stands
	Ran                  // it has run
	PowerIsCut
)

// FFState says whether fast-forward is at work.
type FFState uint32

const (
	FFOff FFState = iota
	FFOn
	FFImpossible // wanted, but this QEMU or machine does not allow it; Stats.Error says why
)

// Stats is the page's account of itself. It is consistent while the VM stands.
type Stats struct {
	Counts
	State     State
	Error     string
	Base      uint32 // baud at divisor 1
	Baud      uint32 // now
	LCR       uint8
	MCR       uint8
	BreakOn   bool
	FrameNS   int64 // duration of a frame at the present format
	Inside    int   // bytes in FIFO and shift register
	CPUs      int
	ICountNS  int   // ns per guest instruction; 0: concurrent mode
	NowNS     int64 // virtual time when the device was last used
	LateMaxNS int64 // of the device's own timer
	IRQEdges  uint64
	RecsLost, EventsLost, AnswersLost,
	ClockBack uint64
	CutNS   int64
	FF      FFCounts
	FFState FFState
	Turns   TurnCounts
	Solo    bool // no other thread of QEMU has a say in the guest's course (csrc/solo.c); without it two CPUs may not repeat themselves
}

// Stats reads the counters.
func (p *Page) Stats() Stats {
	h, u := p.h, &p.h.UART
	divisor := int64(u.Divisor)
	if divisor == 0 {
		divisor = 65536
	}
	base := max(u.Base, 1)
	return Stats{
		Counts: u.N, State: State(h.State), Error: string(bytes.TrimRight(h.Error[:], "\x00")),
		Base: base, Baud: uint32(int64(base) / divisor), LCR: u.LCR, MCR: u.MCR, BreakOn: u.Brk != 0,
		FrameNS: FrameNS(u.LCR, divisor, base),
		Inside:  int(u.TXN) + int(u.TXBusy), CPUs: int(h.NCPU), ICountNS: int(h.ICountNS), NowNS: h.LastNS, LateMaxNS: h.LateMaxNS,
		IRQEdges: h.IRQEdges, RecsLost: h.RecsLost, EventsLost: h.EventsLost, AnswersLost: h.AnswersLost, ClockBack: h.ClockBack,
		CutNS: int64(h.CutNS), FF: h.FF, Turns: h.Turns, FFState: FFState(h.FFState), Solo: h.Solo == 1,
	}
}

// waitLimit is how long a CPU may wait for its turn while the line idles in the middle of a record, in ns; on a slow line a frame.
const waitLimit = 100_000

// FrameNS is how long one character takes on the line, start bit to last stop bit, rounded down.
func FrameNS(lcr uint8, divisor int64, base uint32) int64 {
	bits := int64(1 + 5 + lcr&3)
	if lcr&8 != 0 {
		bits++
	}
	halves := 2*bits + 2
	switch {
	case lcr&4 != 0 && lcr&3 == 0:
		halves++
	case lcr&4 != 0:
		halves += 2
	}
	return halves * 500_000_000 * divisor / int64(base)
}

// Void says why what was captured must not be charged to the guest; nothing means that every byte the guest wrote is accounted for.
// The VM must stand.
func (s Stats) Void() []string {
	var why []string
	add := func(bad bool, format string, args ...any) {
		if bad {
			why = append(why, fmt.Sprintf(format, args...))
		}
	}
	add(s.Error != "", "UART model: %s", s.Error)
	add(s.RecsLost > 0, "the harness was too slow: %d bytes fell out of the ring", s.RecsLost)
	add(s.EventsLost > 0, "the harness was too slow: %d events fell out of the ring", s.EventsLost)
	add(s.AnswersLost > 0, "%d bytes of triggers did not fit the receive queue", s.AnswersLost)
	add(s.ClockBack > 0, "the virtual clock ran backwards %d times", s.ClockBack)
	sum := s.Wire + s.Looped + s.Overwritten + s.Flushed + s.Cut + uint64(s.Inside)
	add(s.Writes != sum, "the guest wrote %d bytes, %d are accounted for", s.Writes, sum)
	if s.ICountNS == 0 {
		// Without icount the host's stalls spoil the guest's delays, so an overrun may be the host's doing.
		add(s.Overwritten > 0, "%d bytes were written to a full transmitter in concurrent mode", s.Overwritten)
	} else {
		add(s.CPUs > 1 && s.State >= Ran && s.Turns.Fair == 0, "this QEMU is not built so that the CPUs' turns can be made fair: the line may have waited for them")
		add(s.Turns.WaitNS > max(s.FrameNS, waitLimit), "CPUs take turns here, and the one that drove the line waited %.3f ms for its own in the middle of a record, before byte %d",
			float64(s.Turns.WaitNS)/1e6, s.Turns.WaitByte)
		add(s.LateMaxNS >= int64(s.ICountNS), "the UART's timer was %d ns late, an instruction takes %d", s.LateMaxNS, s.ICountNS)
	}
	return why
}
