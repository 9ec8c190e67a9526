// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"lastpage/capture/wire"
	"lastpage/dut/qemu/live"
	"lastpage/dut/qemu/vuart"
)

// console is a guest whose serial line we are the far end of: what it sends is in log and recs, what we send goes out at the guest's own rate.
type console struct {
	guest *live.Guest
	page  *vuart.Page
	log   *wire.Log

	mu   sync.Mutex
	recs []vuart.Rec // index = offset in log
	quit chan struct{}
	done chan struct{}
	err  error // of the drain, valid after done
}

// openConsole starts the guest and captures what it sends.
func openConsole(ctx context.Context, m live.Machine) (*console, error) {
	g, err := live.Start(ctx, m)
	if err != nil {
		return nil, err
	}
	c := &console{guest: g, page: g.Page, log: wire.NewLog(wire.Virtual, wire.Frame{Baud: int(m.Page.Base), Bits: 10}),
		quit: make(chan struct{}), done: make(chan struct{})}
	go c.drain()
	return c, nil
}

func (c *console) drain() {
	defer close(c.done)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		last := false
		select {
		case <-c.quit:
			last = true
		case <-c.guest.Done():
			last = true
		case <-tick.C:
		}
		var data []byte
		var ends []int64
		_, err := c.page.Drain(func(recs []vuart.Rec) {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, r := range recs {
				if r.Data() {
					data, ends = append(data, r.Byte), append(ends, r.EndNS)
					c.recs = append(c.recs, r)
				}
			}
		})
		if err == nil {
			err = c.log.Append(data, ends...)
		}
		if err != nil || last {
			c.err = err
			c.log.Close(err)
			return
		}
	}
}

// send puts bytes on the guest's receive line, back to back as long as the queue is not empty.
func (c *console) send(ctx context.Context, data []byte) error {
	for len(data) > 0 {
		n := min(len(data), c.page.RXFree())
		items := make([]vuart.RX, n)
		for i := range items {
			items[i].Byte = data[i]
		}
		if n > 0 {
			if err := c.page.PushRX(items...); err != nil && !errors.Is(err, vuart.ErrFull) {
				return err
			} else if err == nil {
				data = data[n:]
			}
		}
		if len(data) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.guest.Done():
			return c.guest.Failure()
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// expect waits for text behind offset from.
func (c *console) expect(ctx context.Context, from int64, text string) (wire.Match, error) {
	m, err := wire.Expect(ctx, c.log, from, wire.Literal(text))
	if err != nil {
		n := c.log.Len()
		return m, fmt.Errorf("%w; the last of the console: %.300q", err, c.log.Bytes(max(from, n-300), n))
	}
	return m, nil
}

// between are the frames from offset a to b.
func (c *console) between(a, b int64) []vuart.Rec {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.recs[a:min(b, int64(len(c.recs)))])
}

// close ends the guest and gives the UART's account of itself. What we send is looked for in host time, so the UART's timer is armed when the
// host gets round to it: its lateness says nothing here.
func (c *console) close() vuart.Stats {
	c.guest.Kill()
	select {
	case <-c.quit:
	default:
		close(c.quit)
	}
	<-c.done
	s := c.page.Stats()
	s.LateMaxNS = 0
	c.page.Close()
	return s
}
