// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"lastpage/capture/ring"
	"lastpage/dut"
	"lastpage/kernels/plan"
)

// Receiver takes the memory of a kernel from the one after it, which calls a port of this machine and offers it (plan.Offer). What of it
// the ringbuffer takes is read, some MiB, however large the board's memory is.
type Receiver struct {
	Listen  string   `yaml:"listen" json:"listen"`             // HOST:PORT here
	To      string   `yaml:"to" json:"to"`                     // the same as the board sees it; an IPv4 address
	Address string   `yaml:"address" json:"address"`           // of the board in that kernel: 192.0.2.7/24
	Gateway string   `yaml:"gateway" json:"gateway,omitempty"` // of the board; "": it is in our network
	Drivers []string `yaml:"drivers" json:"drivers,omitempty"` // modules of its network card
	// Within is from that kernel's start to its call, and from that to the last byte.
	Within time.Duration `yaml:"within" json:"within_ns"`
}

// receiveLimit is the default: a kernel boots in 10 s to a minute, and probes a slow card.
const receiveLimit = 3 * time.Minute

// Check fills in defaults and says what is missing. what begins its errors.
func (v *Receiver) Check(what string) error {
	if v.Within == 0 {
		v.Within = receiveLimit
	}
	if v.Within < 0 {
		return errors.New(what + ": within: want a time above 0, such as 3m")
	}
	if _, _, err := net.SplitHostPort(v.Listen); err != nil {
		return fmt.Errorf("%s: listen: want HOST:PORT of this machine, such as 0.0.0.0:7391: %w", what, err)
	}
	if _, _, err := plan.ParseAddr(v.To, ':', 1<<16-1); err != nil {
		return fmt.Errorf("%s: to: want that place as the board sees it: %w", what, err)
	}
	if _, _, err := plan.ParseAddr(v.Address, '/', 32); err != nil {
		return fmt.Errorf("%s: address: want the board's, such as 192.0.2.7/24: %w", what, err)
	}
	if v.Gateway == "" {
		return nil
	}
	if _, err := plan.ParseIPv4(v.Gateway); err != nil {
		return fmt.Errorf("%s: gateway: %w", what, err)
	}
	return nil
}

// Offer is what the other kernel is asked for. kept: it was started after a reset.
func (v *Receiver) Offer(kept bool) *plan.Offer {
	return &plan.Offer{To: v.To, Address: v.Address, Gateway: v.Gateway, Kept: kept}
}

// receive waits for that kernel's call and writes the ringbuffer's pages into dir. what begins the errors, who is to call.
func (v *Receiver) receive(ctx context.Context, what, who, dir string) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", v.Listen)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer ln.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, v.Within, fmt.Errorf("no %s called %s within %s: look at to: and drivers:, and at a firewall here", who, v.Listen, v.Within))
	defer cancel()
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	var last error
	for {
		c, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return fmt.Errorf("%s: %w", what, errors.Join(err, last))
		}
		r, err := v.answer(ctx, c, dir)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || r != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		last = fmt.Errorf("%s called, and is no %s of ours: %w", c.RemoteAddr(), who, err)
	}
}

// answer reads the ringbuffer of whoever calls; the reader is nil if that is not such a kernel.
func (v *Receiver) answer(ctx context.Context, c net.Conn, dir string) (*remote, error) {
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	in := bufio.NewReaderSize(c, 1<<16)
	if err := c.SetReadDeadline(time.Now().Add(v.Within)); err != nil {
		return nil, err
	}
	line, err := in.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("it said %.40q: %w", line, err)
	}
	var word string
	var size int64
	if n, err := fmt.Sscanf(string(line), "%s %d\n", &word, &size); n != 2 || err != nil || word != plan.OfferWord || size <= 0 {
		return nil, fmt.Errorf("it said %.40q", line)
	}
	r := &remote{c: c, in: in, size: size}
	core, err := ring.NewCore(r, size)
	if err == nil {
		var rd *ring.Reader
		if rd, err = core.Open(ctx); err == nil {
			err = rd.SaveCore(ctx, filepath.Join(dir, dut.DumpName))
		}
	}
	if err != nil && r.err != nil { // the first cause, without what was being read
		err = fmt.Errorf("%w: look at the network, and whether the board was reset meanwhile", r.err)
	}
	if err != nil {
		return r, fmt.Errorf("read %d bytes of its memory: %w", r.read, err)
	}
	return r, r.bye()
}

// remote is a memory image at the other end of a connection. A read that failed fails all that follow: nothing is made up.
type remote struct {
	mu   sync.Mutex
	c    net.Conn
	in   *bufio.Reader
	size int64
	read int64 // bytes
	err  error
}

// ReadAt implements io.ReaderAt.
func (r *remote) ReadAt(p []byte, off int64) (n int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n < len(p) {
		if off+int64(n) >= r.size {
			return n, io.EOF
		}
		want := min(int64(len(p)-n), plan.MaxOffer, r.size-off-int64(n))
		m, err := r.ask(p[n:n+int(want)], off+int64(n))
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// ask is one question and its answer.
func (r *remote) ask(p []byte, off int64) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	lost := func(err error) (int, error) {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // the memory does not end here: the connection does
		}
		r.err = fmt.Errorf("the connection broke: %w", err)
		return 0, r.err
	}
	var head [16]byte
	binary.BigEndian.PutUint64(head[:], uint64(off))
	binary.BigEndian.PutUint64(head[8:], uint64(len(p)))
	if _, err := r.c.Write(head[:]); err != nil {
		return lost(err)
	}
	if _, err := io.ReadFull(r.in, head[:8]); err != nil {
		return lost(err)
	}
	n := int64(binary.BigEndian.Uint64(head[:]))
	switch {
	case n < 0:
		return 0, fmt.Errorf("read its memory at %#x: %w", off, syscall.Errno(-n))
	case n == 0 || n > int64(len(p)):
		return lost(fmt.Errorf("%d bytes were asked for, it says %d", len(p), n))
	}
	if _, err := io.ReadFull(r.in, p[:n]); err != nil {
		return lost(err)
	}
	r.read += n
	return int(n), nil
}

// bye tells the other kernel that it has done its work.
func (r *remote) bye() error {
	var none [16]byte
	if _, err := r.c.Write(none[:]); err != nil {
		return fmt.Errorf("the connection broke: %w", err)
	}
	return nil
}
