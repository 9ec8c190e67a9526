// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"context"
	"sync"
	"time"

	"lastpage/dut/qemu/vuart"
)

// Slot is a Port whose UART comes and goes, as that of a board does whose power is switched while its cable stays. Without power nothing
// comes out, and what is typed is gone.
type Slot struct {
	mu     sync.Mutex
	port   Port          // nil: no power
	on     chan struct{} // closed while there is power
	inputs uint8
	empty  chan struct{} // closed when the port was found empty; nil: nobody waits for it
}

// emptyWait bounds how long a UART that is switched off is read for the rest of what it had sent. Its bridge looks each period.
const emptyWait = time.Second

// Plug gives the line a UART.
func (s *Slot) Plug(p Port) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.SetInputs(s.inputs)
	if s.port == nil {
		close(s.powered())
	}
	s.port = p
}

// Power is closed while there is power; one that was asked for without power is closed when it comes.
func (s *Slot) Power() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.powered()
}

func (s *Slot) powered() chan struct{} {
	if s.on == nil {
		s.on = make(chan struct{})
	}
	return s.on
}

// Unplug takes it away once everything that it has sent is read, or when ctx, the bridge's, is done. Nothing may come to it any more.
func (s *Slot) Unplug(ctx context.Context) {
	empty := make(chan struct{})
	s.mu.Lock()
	s.empty = empty
	s.mu.Unlock()
	select {
	case <-empty:
	case <-ctx.Done():
	case <-time.After(emptyWait):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.port != nil {
		s.on = nil
	}
	s.port, s.empty = nil, nil
}

// Drain implements Port.
func (s *Slot) Drain(f func([]vuart.Rec)) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.port == nil {
		return 0, nil
	}
	n, err := s.port.Drain(f)
	if n == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
	return n, err
}

// PushRX implements Port.
func (s *Slot) PushRX(items ...vuart.RX) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.port == nil {
		return nil
	}
	return s.port.PushRX(items...)
}

// RXFree implements Port.
func (s *Slot) RXFree() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.port == nil {
		return maxWaiting
	}
	return s.port.RXFree()
}

// RXUnread implements Port.
func (s *Slot) RXUnread() (unread, depth int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.port == nil {
		return 0, maxWaiting
	}
	return s.port.RXUnread()
}

// SetInputs implements Port.
func (s *Slot) SetInputs(in uint8) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inputs = in; s.port != nil {
		s.port.SetInputs(in)
	}
}

// Stats implements Port.
func (s *Slot) Stats() vuart.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.port == nil {
		return vuart.Stats{}
	}
	return s.port.Stats()
}
