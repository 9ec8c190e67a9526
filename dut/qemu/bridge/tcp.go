// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"context"
	"fmt"
	"net"
	"sync"

	"lastpage/dut/qemu/vuart"
)

// maxBehind is how many bytes a TCP viewer may be behind before he is disconnected.
const maxBehind = 1 << 20

// ListenTCP shows the bare bytes on a TCP port until ctx ends, to any number of viewers at once. Without a host in addr it is the loopback
// interface: whoever connects types at the guest's console.
func (b *Bridge) ListenTCP(ctx context.Context, addr string) (net.Addr, error) {
	return b.listen(ctx, addr, func(c *conn) handler { return rawHandler{c} })
}

// ListenTelnet is ListenTCP for clients of telnet and RFC 2217 (ser2net, pySerial's rfc2217://, telnet).
func (b *Bridge) ListenTelnet(ctx context.Context, addr string) (net.Addr, error) {
	return b.listen(ctx, addr, func(c *conn) handler { return newTelnet(c) })
}

// handler translates between the line and what is on one connection. greet and received are called by the connection's reader, sent and outputs by
// the bridge, which must not wait for them; both may happen at once.
type handler interface {
	greet()
	received(ctx context.Context, b []byte) error // from the viewer
	sent(recs []vuart.Rec)                        // by the guest
	outputs(dtr, rts bool)
}

func (b *Bridge) listen(ctx context.Context, addr string, speak func(*conn) handler) (net.Addr, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	context.AfterFunc(ctx, func() { l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			if tc, ok := nc.(*net.TCPConn); ok {
				_ = tc.SetWriteBuffer(64 << 10) // what waits should wait with us, where it is counted
			}
			c := &conn{Conn: nc, bridge: b, more: make(chan struct{}, 1)}
			c.speak = speak(c)
			go c.serve(ctx)
		}
	}()
	return l.Addr(), nil
}

// conn is one viewer on TCP.
type conn struct {
	net.Conn
	bridge *Bridge
	speak  handler

	mu   sync.Mutex
	out  []byte
	gone bool
	more chan struct{}
}

func (c *conn) serve(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	context.AfterFunc(ctx, func() { c.Close() })
	c.speak.greet()
	c.bridge.add(c)
	defer c.bridge.remove(c)
	go c.write(ctx, cancel)
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if n > 0 {
			if c.speak.received(ctx, buf[:n]) != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// put queues bytes for the viewer.
func (c *conn) put(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.out)+len(b) > maxBehind {
		c.gone = true
	}
	if c.gone {
		return
	}
	c.out = append(c.out, b...)
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func (c *conn) write(ctx context.Context, cancel func()) {
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.more:
		}
		c.mu.Lock()
		b := c.out
		c.out = nil
		c.mu.Unlock()
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

func (c *conn) frames(recs []vuart.Rec) bool {
	c.speak.sent(recs)
	return c.alive()
}

func (c *conn) outputs(dtr, rts bool) bool {
	c.speak.outputs(dtr, rts)
	return c.alive()
}

func (c *conn) alive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		c.Close()
	}
	return !c.gone
}

// rawHandler passes bytes as they are.
type rawHandler struct{ c *conn }

func (h rawHandler) greet() {}

func (h rawHandler) received(ctx context.Context, b []byte) error {
	return h.c.bridge.queueBytes(ctx, b)
}

func (h rawHandler) sent(recs []vuart.Rec) { h.c.put(text(recs)) }

func (h rawHandler) outputs(bool, bool) {}
