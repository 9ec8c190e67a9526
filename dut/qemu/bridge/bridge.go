// SPDX-License-Identifier: Apache-2.0

// Package bridge shows the model's UART to the outside in host time, as if its plug were there: as a pty, as a raw TCP port, and as a telnet
// port with RFC 2217. It is for a VM in concurrent mode with the option vuart.Live, where virtual time is host time.
//
// Bytes come out of the page (vuart.Drain) and go to everybody who is connected; what they send goes to the guest's receiver (vuart.PushRX),
// at the guest's own rate, when it has room. A viewer who does not keep up loses his connection (TCP) or bytes (pty), and costs nobody else any.
//
// BREAK and modem lines go as far as the transport carries them: RFC 2217 both ways; telnet BREAK both ways; a raw port and a pty carry
// neither (Linux drops TIOCSBRK on a pty), there Break stands in.
package bridge

import (
	"context"
	"sync"
	"time"

	"lastpage/dut/qemu/vuart"
)

// Port is the UART as the bridge needs it; *vuart.Page is one.
type Port interface {
	Drain(func([]vuart.Rec)) (int, error)
	PushRX(...vuart.RX) error
	RXFree() int
	RXUnread() (unread, depth int)
	SetInputs(uint8)
	Stats() vuart.Stats
}

// switched is a Port that may be without power. Then it needs no attendance, and what is typed is gone.
type switched interface {
	Power() <-chan struct{} // closed while there is power
}

// always is the power of a Port without a switch.
var always = func() chan struct{} {
	on := make(chan struct{})
	close(on)
	return on
}()

// period is how often the page is looked at. A frame at 115200 baud is 87 us, so what is typed is late by a dozen characters at most.
const period = time.Millisecond

// maxWaiting bounds what all senders together may have waiting for the guest; beyond it a sender is not read any more.
const maxWaiting = 64 << 10

// Bridge joins one UART with any number of viewers.
type Bridge struct {
	// FullRate sends to the guest as fast as its line goes, as a far end does that looks at nothing. A host that stalls takes the guest's CPU away
	// while the line goes on, so that it loses characters through no fault of its own. Without FullRate as much is sent as its receiver has room for,
	// in bursts at its rate. Set it before Run.
	FullRate bool

	port Port
	tap  func([]vuart.Rec) // nil: nobody keeps a record

	mu      sync.Mutex
	viewers map[viewer]bool
	waiting []vuart.RX
	room    chan struct{} // closed and remade when waiting shrinks
	mcr     uint8         // of the guest's: DTR and RTS
}

// viewer is somebody who sees the line. Calls come from one goroutine and must not block; false: he is gone.
type viewer interface {
	frames(recs []vuart.Rec) bool
	outputs(dtr, rts bool) bool // of the guest's
}

// New bridges p. Nobody else may drain it: tap, if not nil, gets every record first, in order, in a slice that does not last.
func New(p Port, tap func([]vuart.Rec)) *Bridge {
	return &Bridge{port: p, tap: tap, viewers: map[viewer]bool{}, room: make(chan struct{})}
}

// Run carries bytes until ctx ends.
func (b *Bridge) Run(ctx context.Context) error {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		on := b.power() // asked before the step, which still tells everybody that the lines have fallen
		if err := b.step(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-on:
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// power is closed while the port has it.
func (b *Bridge) power() <-chan struct{} {
	if s, ok := b.port.(switched); ok {
		return s.Power()
	}
	return always
}

func (b *Bridge) step() error {
	_, err := b.port.Drain(func(recs []vuart.Rec) {
		if b.tap != nil {
			b.tap(recs)
		}
		b.each(func(v viewer) bool { return v.frames(recs) })
	})
	if err != nil {
		return err
	}
	mcr := b.port.Stats().MCR & 3
	b.mu.Lock()
	changed := mcr != b.mcr
	b.mcr = mcr
	b.mu.Unlock()
	if changed {
		b.each(func(v viewer) bool { return v.outputs(mcr&1 != 0, mcr&2 != 0) })
	}
	return b.send()
}

func (b *Bridge) each(f func(viewer) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for v := range b.viewers {
		if !f(v) {
			delete(b.viewers, v)
		}
	}
}

// send gives the guest as much as its queue takes, or as its receiver has room for.
func (b *Bridge) send() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(b.waiting), b.port.RXFree())
	if !b.FullRate {
		unread, depth := b.port.RXUnread()
		n = min(n, depth-unread)
	}
	if n <= 0 {
		return nil
	}
	if err := b.port.PushRX(b.waiting[:n]...); err != nil {
		return err
	}
	b.waiting = append(b.waiting[:0], b.waiting[n:]...)
	close(b.room)
	b.room = make(chan struct{})
	return nil
}

// queue puts items behind what others have sent. It waits while too much is waiting; without power they are gone.
func (b *Bridge) queue(ctx context.Context, items ...vuart.RX) error {
	select {
	case <-b.power():
	default:
		return nil
	}
	for {
		b.mu.Lock()
		room := b.room
		if len(b.waiting) < maxWaiting {
			b.waiting = append(b.waiting, items...)
			b.mu.Unlock()
			return nil
		}
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-room:
		}
	}
}

func (b *Bridge) queueBytes(ctx context.Context, text []byte) error {
	items := make([]vuart.RX, len(text))
	for i, c := range text {
		items[i].Byte = c
	}
	return b.queue(ctx, items...)
}

// Break sends a BREAK to the guest, behind what was sent before. It takes at least a frame, and 4 s at most: its length is told in 32 bits of ns.
func (b *Bridge) Break(ctx context.Context, d time.Duration) error {
	return b.queue(ctx, vuart.RX{Key: vuart.Key{Flags: vuart.RXBreak}, Dur: min(d, 4*time.Second)})
}

func (b *Bridge) add(v viewer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.viewers[v] = true
}

func (b *Bridge) remove(v viewer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.viewers, v)
}

// outputs are the guest's.
func (b *Bridge) outputs() (dtr, rts bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mcr&1 != 0, b.mcr&2 != 0
}

// lines drives the guest's inputs as a null modem cable does: the far end's DTR is its DSR and DCD, the far end's RTS its CTS.
func (b *Bridge) lines(dtr, rts bool) {
	var in uint8
	if dtr {
		in |= vuart.DSR | vuart.DCD
	}
	if rts {
		in |= vuart.CTS
	}
	b.port.SetInputs(in)
}

// text is what a receiver would make of frames: whole bytes, and nothing of those that no receiver could have read.
func text(recs []vuart.Rec) []byte {
	out := make([]byte, 0, len(recs))
	for _, r := range recs {
		if r.Data() && r.Flags&vuart.Masked == 0 {
			out = append(out, r.Byte)
		}
	}
	return out
}
