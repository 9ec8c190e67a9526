// SPDX-License-Identifier: Apache-2.0

// Package port captures the wire of a real machine: a serial port, a pty, or a
// raw TCP port of a terminal server ("tcp:HOST:PORT").
//
// In: bytes as the host's tty layer hands them over. Out: wire.Log, and the
// files of a wire.Writer, with the monotonic time at which each read returned.
// One goroutine, the one in Run, owns the port from its opening to its end and
// does nothing but append; everybody else reads the log.
//
// What can go wrong between the line and the log is looked for, because it
// must never be charged to the machine under test: the UART's own counters of
// overruns and errors (TIOCGICOUNT), the rate that was really set (TCGETS2), a
// port that went away. Each becomes a mark in the log and a reason in Report.
// A terminal server and a pty have no counters; the report says so.
package port

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"lastpage/capture/wire"
)

// Config says what to open.
type Config struct {
	Name string // path of a tty, best one of /dev/serial/by-path, or tcp:HOST:PORT
	Baud int    // bits per second, 8N1; ignored for tcp
}

const (
	readWait   = 100 * time.Millisecond // a read that got nothing returns after this long
	checkEvery = time.Second            // between looks at the counters
	reopenWait = 250 * time.Millisecond // between attempts to open a port that went away
	readBytes  = 4096                   // one page of the tty's flip buffer
)

// source is an open port. Read returns (0, nil) after readWait.
type source interface {
	Read(p []byte) (int, error)
	Close() error
	baud() int                   // as the driver has it; 0 unknown
	counters() (counters, error) // errNoCounters where there are none
	caps() Caps
	write(ctx context.Context, b []byte) error // all of b
	sendBreak(ctx context.Context, d time.Duration) error
}

var errNoCounters = errors.New("this port counts no errors")

// Port is an opened port that has not been read yet.
type Port struct {
	cfg Config
	log *wire.Log
	now func() int64 // ns, CLOCK_MONOTONIC

	writing sync.Mutex // one sender at a time

	mu   sync.Mutex
	src  source // nil: away
	caps Caps
}

// Schema names the form of a Report. Fields may be added under the same number; a change of meaning takes a new one.
const Schema = "lastpage.capture/1"

// Report says what the capture is worth.
type Report struct {
	Schema      string   `json:"schema"`
	Name        string   `json:"name"`
	Baud        int      `json:"baud"`         // read back from the driver; 0 unknown
	HasCounters bool     `json:"has_counters"` // false: an overrun would not have been seen
	Gaps        int      `json:"gaps"`
	Counted     Counted  `json:"counted"`
	Void        []string `json:"void"` // why nothing may be graded on it; empty: nothing was seen to be lost
}

// Counted is by how much the UART's counters moved.
type Counted struct {
	Overrun int `json:"overrun"` // in the UART or in the tty buffer
	Framing int `json:"framing"`
	Parity  int `json:"parity"`
	Break   int `json:"break"`
}

// Open opens the port without flushing anything: the kernel holds about 5 KiB
// that came before, and they belong to the capture.
func Open(ctx context.Context, cfg Config) (*Port, error) {
	src, err := open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open port %s: %w", cfg.Name, err)
	}
	frame := wire.Frame{Baud: cfg.Baud, Bits: 10}
	if strings.HasPrefix(cfg.Name, tcpPrefix) {
		frame = wire.Frame{}
	}
	return &Port{cfg: cfg, src: src, caps: src.caps(), log: wire.NewLog(wire.Monotonic, frame), now: monotonic}, nil
}

// Log is where the bytes will be. It is closed when Run returns.
func (p *Port) Log() *wire.Log { return p.log }

func open(ctx context.Context, cfg Config) (source, error) {
	if addr, ok := strings.CutPrefix(cfg.Name, tcpPrefix); ok {
		return dial(ctx, addr)
	}
	return openTTY(cfg)
}

func monotonic() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0 // no such clock: not on Linux
	}
	return t.Nano()
}
