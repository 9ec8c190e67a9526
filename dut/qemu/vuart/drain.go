// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	"fmt"
	"sync/atomic"
)

// Drain calls f with what has left the transmitter since the last call, in order, and returns how many records that were. The slice is the
// shared memory itself: it is overwritten when f has returned.
func (p *Page) Drain(f func([]Rec)) (int, error) {
	n, err := drain(p.recs, &p.h.RecsHead, &p.h.RecsTail, f)
	if err != nil {
		return n, fmt.Errorf("drain bytes: %w", err)
	}
	return n, nil
}

// Events calls f with the events since the last call, like Drain.
func (p *Page) Events(f func([]Event)) (int, error) {
	n, err := drain(p.events, &p.h.EventsHead, &p.h.EventsTail, f)
	if err != nil {
		return n, fmt.Errorf("drain events: %w", err)
	}
	return n, nil
}

func drain[T any](ring []T, headAt, tailAt *uint64, f func([]T)) (int, error) {
	head, tail := atomic.LoadUint64(headAt), atomic.LoadUint64(tailAt)
	if head-tail > uint64(len(ring)) {
		return 0, fmt.Errorf("head %d, tail %d in a ring of %d: the page is damaged", head, tail, len(ring))
	}
	total := int(head - tail)
	for tail != head {
		first := tail % uint64(len(ring))
		n := min(head-tail, uint64(len(ring))-first)
		f(ring[first : first+n])
		tail += n
		atomic.StoreUint64(tailAt, tail)
	}
	return total, nil
}
