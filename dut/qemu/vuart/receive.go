// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// ErrFull is returned by PushRX when the guest's line has too much waiting.
var ErrFull = errors.New("receive queue is full")

// RX is one thing that the far end sends to the guest.
type RX struct {
	Key
	AtNS int64         // earliest virtual time at which its start bit begins; 0: as soon as possible
	Dur  time.Duration // of a BREAK; at least a frame
}

// PushRX queues items, all or none. They go out in this order, one behind the other at the guest's own rate. The device looks at the queue
// when the VM starts to run, and while it runs only with the option Live.
func (p *Page) PushRX(items ...RX) error {
	head, tail := atomic.LoadUint64(&p.h.InboxHead), atomic.LoadUint64(&p.h.InboxTail)
	if head-tail > inboxLen || inboxLen-(head-tail) < uint64(len(items)) {
		return fmt.Errorf("send %d bytes to the guest: %w", len(items), ErrFull)
	}
	for i, it := range items {
		if it.Dur < 0 || it.Dur > math.MaxUint32 || it.AtNS < 0 {
			return fmt.Errorf("send to the guest: item %d at %d ns for %v: out of range", i, it.AtNS, it.Dur)
		}
		p.h.Inbox[(head+uint64(i))%inboxLen] = rxItem{AtNS: it.AtNS, DurNS: uint32(it.Dur), Byte: it.Byte, Flags: it.Flags}
	}
	atomic.StoreUint64(&p.h.InboxHead, head+uint64(len(items)))
	return nil
}

// RXFree is how many items PushRX would take now.
func (p *Page) RXFree() int {
	used := atomic.LoadUint64(&p.h.InboxHead) - atomic.LoadUint64(&p.h.InboxTail)
	return inboxLen - int(min(used, inboxLen))
}

// RXUnread is how many items the guest has not read yet, whether they are queued, on the line or in its receiver, and how many characters its
// receiver holds. While unread is below depth, nothing that is pushed can be lost to a guest that does not get to read, be it because its CPU is
// not let run.
func (p *Page) RXUnread() (unread, depth int) {
	u := &p.h.UART
	// In the direction in which they move, so that none is missed.
	unread = inboxLen - p.RXFree()
	unread += int(u.RXBusy)
	unread += int(u.RXN)
	if u.FCR&1 != 0 {
		return unread, pageFIFO
	}
	return unread, 1
}

// Inputs of the guest's port, as bits of its Modem Status Register.
const (
	CTS = 0x10
	DSR = 0x20
	RI  = 0x40
	DCD = 0x80
)

// SetInputs drives the guest's modem inputs. It takes effect when PushRX would. At power-on CTS, DSR and DCD are up.
func (p *Page) SetInputs(lines uint8) {
	atomic.StoreUint32(&p.h.Inputs, uint32(lines))
	atomic.AddUint32(&p.h.InputsGen, 1)
}

// SetKnob sets the number that the guest reads at the doorbell's port + 4. The VM must stand.
func (p *Page) SetKnob(v uint32) { atomic.StoreUint32(&p.h.Knob, v) }

// SetCourse sets the number that the guest reads at the doorbell's place + 8. The VM must stand.
func (p *Page) SetCourse(v uint32) { atomic.StoreUint32(&p.h.Course, v) }
