// SPDX-License-Identifier: Apache-2.0

package stress

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lastpage/capture/pattern"
	"lastpage/capture/wire"
)

// Hearer judges a stream that comes into a log.
type Hearer struct {
	log *wire.Log

	mu          sync.Mutex
	r           *pattern.Reader
	at          int64 // offset in the log up to which it was read
	met         bool  // the times below are of the stream
	first, last int64 // ns: of the first read of it, and of the newest byte
	firstBytes  int64 // that had come then
	lastBytes   int64
	gap, gapAt  int64
	reads       int
}

// NewHearer judges what lies in a log from an offset on.
func NewHearer(log *wire.Log, from int64, r *pattern.Reader) *Hearer {
	return &Hearer{log: log, r: r, at: from}
}

// tick is how long is waited for a byte before everything else is looked at again.
const tick = 50 * time.Millisecond

// Run reads until the stream has ended, or over says that no more is waited for, given the time since a byte came. The error is for bytes that
// this program was too slow for.
func (h *Hearer) Run(ctx context.Context, over func(silence time.Duration) bool) error {
	heard := time.Now()
	for {
		wait, cancel := context.WithTimeout(ctx, tick)
		err := h.log.Wait(wait, h.at+1)
		cancel()
		n, terr := h.take()
		if terr != nil {
			return terr
		}
		if n > 0 {
			heard = time.Now()
		}
		if h.Done() || n == 0 && (errors.Is(err, wire.ErrClosed) || ctx.Err() != nil) || over(time.Since(heard)) {
			return nil
		}
	}
}

// heldBytes is what a log holds for a reader that is late.
const heldBytes = 16 << 20

// take reads what is there.
func (h *Hearer) take() (int, error) {
	data, missed := h.log.From(h.at, 1<<20)
	if missed > 0 {
		return 0, fmt.Errorf("this program was too slow: %d bytes came that it has not judged", missed)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := 0; i < len(data); { // read by read
		ns, _ := h.log.TimeAt(h.at)
		n := int(min(h.log.OffsetAt(ns)-h.at, int64(len(data)-i)))
		n = max(1, n)
		over := h.r.Done()
		h.r.Feed(data[i : i+n])
		i, h.at = i+n, h.at+int64(n)
		if !over {
			h.time(ns)
		}
	}
	return len(data), nil
}

// time notes a read of the stream.
func (h *Hearer) time(ns int64) {
	if !h.met {
		if h.met = h.r.Met(); h.met {
			h.first, h.last, h.firstBytes, h.lastBytes, h.reads = ns, ns, h.at, h.at, 1
		}
		return
	}
	h.lastBytes = h.at
	if ns == h.last {
		return
	}
	if d := ns - h.last; d > h.gap {
		h.gap, h.gapAt = d, h.r.Result().Received
	}
	h.last, h.reads = ns, h.reads+1
}

// Done says that the stream's end has come.
func (h *Hearer) Done() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.r.Done()
}

// Come is how far it is: the offset in the stream that was judged, or how many bytes came, whichever is more.
func (h *Hearer) Come() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return max(h.r.Position(), h.r.Result().Received-h.r.Result().Before)
}

// Now is what is known by now.
func (h *Hearer) Now() pattern.Result {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.r.Result()
}

// Told says whether the stream has said where it ends.
func (h *Hearer) Told() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.r.Told()
}

// Finish gives what was heard into l. sent is how many frames were sent; below 0: nobody knows.
func (h *Hearer) Finish(l *Line, sent int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if sent >= 0 {
		h.r.Sent(sent)
	}
	res := h.r.Finish()
	l.Heard = &res
	if h.reads < 2 {
		return
	}
	gap, at := h.gap, h.gapAt
	l.GapNS, l.GapAt = &gap, &at
	l.Rate = h.rate()
}

// Rate is that of the stream by now, bytes/s; nil: too few reads to tell.
func (h *Hearer) Rate() *float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rate()
}

func (h *Hearer) rate() *float64 {
	if h.reads < 2 {
		return nil
	}
	r := float64(h.lastBytes-h.firstBytes) / (float64(h.last-h.first) / 1e9)
	return &r
}

// Met says whether a whole frame of the stream has come.
func (h *Hearer) Met() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.r.Met()
}
