// SPDX-License-Identifier: Apache-2.0

// Package stress sends a pattern over a line at its full rate and judges what comes of it: which bytes were lost, changed, doubled or inserted,
// at what rate they came, and how long the line stood still.
//
// In: opened ports, and how much to send. Out: a Report. What a port itself counts of its errors is in it too.
package stress

import (
	"context"
	"fmt"
	"time"

	"lastpage/capture/pattern"
	"lastpage/capture/port"
	"lastpage/capture/wire"
)

// Port is a port that nobody reads yet; *port.Port is one.
type Port interface {
	Log() *wire.Log
	Run(ctx context.Context, w *wire.Writer) (*port.Report, error)
	Write(ctx context.Context, b []byte) error
	Close()
}

// Mode says who sends and who listens.
type Mode string

const (
	Loopback Mode = "loopback" // one port hears what it sends itself: a plug that joins RxD and TxD
	Peer     Mode = "peer"     // two ports, each hears the other
	Listen   Mode = "listen"   // another program sends
	Send     Mode = "send"     // another program listens
)

// Config says what to do.
type Config struct {
	Mode  Mode
	Ports []port.Config // one, for Peer two
	Form  pattern.Form
	Baud  int // of the line, bit/s, 10 bits a byte; 0: nobody knows, and as much is sent as the port takes
	// How long is sent, or how many bytes; of Listen: is listened, 0: until the stream ends.
	Time  time.Duration
	Bytes int64
	// Open opens a port; nil: port.Open.
	Open func(ctx context.Context, cfg port.Config) (Port, error)
	// Watch is told twice a second how far it is; may be nil. It must not wait.
	Watch func(Progress)
}

// Progress is how far it is, of all lines together.
type Progress struct {
	Elapsed  time.Duration
	Sent     int64 // bytes
	Received int64
	Bad      int64 // bytes that were lost, changed, doubled or inserted
}

func (c *Config) open(ctx context.Context, p port.Config) (Port, error) {
	if c.Open != nil {
		return c.Open(ctx, p)
	}
	return port.Open(ctx, p)
}

// check says what cannot be.
func (c *Config) check() error {
	want := 1
	if c.Mode == Peer {
		want = 2
	}
	switch {
	case len(c.Ports) != want:
		return fmt.Errorf("stress: %d ports, want %d", len(c.Ports), want)
	case c.Time < 0 || c.Bytes < 0 || c.Time > 0 && c.Bytes > 0:
		return fmt.Errorf("stress: time %s and %d bytes: want one of them, not below 0", c.Time, c.Bytes)
	case c.Time == 0 && c.Bytes == 0 && c.Mode != Listen:
		return fmt.Errorf("stress: neither a time nor a number of bytes")
	}
	return nil
}
