// SPDX-License-Identifier: Apache-2.0

// Package port captures the wire of a real machine: a serial port, a pty, a port of a terminal server (raw, telnet or RFC 2217), or what a
// command prints. docs/capture.md has the kinds, and what each can see.
//
// In: bytes as the host's tty layer, a server or a command hands them over. Out: wire.Log, and the files of a wire.Writer, with the monotonic
// time at which each read returned. One goroutine, the one in Run, reads the port from its opening to its end and does nothing but append;
// everybody else reads the log. Whoever drives a board writes and sends BREAK through the same Port (Line).
//
// What can go wrong between the line and the log is looked for, because it must never be charged to the machine under test: the UART's own
// counters of overruns, errors and bytes (TIOCGICOUNT), errors and BREAKs at their place (PARMRK), the rate that was really set, another
// program on the same port, a port that went away, a peer that fell silent, and this program itself, which may have stood still. Each becomes
// a mark in the log and a reason in Report. What a kind of port cannot show is in Report.Unseen.
package port

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"lastpage/capture/wire"
)

// Config says what to open.
type Config struct {
	// Name is a path of a tty, best one of /dev/serial/by-path; usb:VID:PID[:SERIAL]; tty:PROPERTY=VALUE,... of udev; tcp:HOST:PORT;
	// telnet://HOST:PORT; rfc2217://HOST:PORT; exec:COMMAND.
	Name string
	Baud int    // bits per second, 8N1; ignored where the rate is not ours to set
	DTR  string // "on", "off", or "" for what the driver does, which is on
	RTS  string
	Tell func(string) // remarks while Run is going; it must not wait. May be nil
}

const (
	readWait   = 100 * time.Millisecond // a read that got nothing returns after this long
	checkEvery = time.Second            // between looks at the counters
	readBytes  = 4096                   // one page of the tty's flip buffer
)

// Port is an opened port that has not been read yet.
type Port struct {
	cfg    Config
	log    *wire.Log
	now    func() int64 // ns, CLOCK_MONOTONIC
	asleep func() int64 // ns that the machine was suspended since it was booted

	opened stall // nobody has read since then

	writing sync.Mutex // one sender at a time

	mu   sync.Mutex
	src  source // nil: away
	caps Caps
	away context.Context // ends when src goes away
	goes func()
}

// Report says what the capture is worth.
type Report = wire.Report

// Open opens the port without flushing anything: the kernel holds about 5 KiB that came before, and they belong to the capture. A server that
// refuses is asked a few times.
func Open(ctx context.Context, cfg Config) (*Port, error) {
	if err := CheckName(cfg.Name); err != nil {
		return nil, fmt.Errorf("open port %s: %w", cfg.Name, err)
	}
	src, err := open(ctx, cfg, nil)
	tries := 1
	for ; tries < openTries && errors.As(err, new(*refusal)); tries++ {
		if nap(ctx, pause(tries)) != nil {
			break
		}
		src, err = open(ctx, cfg, nil)
	}
	if err != nil && tries > 1 {
		err = fmt.Errorf("%w (%d tries)", err, tries)
	}
	if err != nil {
		return nil, fmt.Errorf("open port %s: %w", cfg.Name, cured(cfg.Name, err))
	}
	frame := wire.Frame{}
	if SetsRate(cfg.Name) {
		frame = wire.Frame{Baud: cfg.Baud, Bits: 10}
	}
	p := &Port{cfg: cfg, log: wire.NewLog(wire.Monotonic, frame), now: monotonic, asleep: asleep}
	p.take(src)
	p.opened.start(p.now(), p.asleep())
	return p, nil
}

// Log is where the bytes will be. It is closed when Run returns.
func (p *Port) Log() *wire.Log { return p.log }

// Close closes a port that was never run.
func (p *Port) Close() { p.drop() }

// base is a moment on Go's clock, which is CLOCK_MONOTONIC and costs no system call, and what that clock said then.
var base, baseNS = bracketed()

// bracketed reads both clocks at once, as near to each other as ten tries make it.
func bracketed() (at time.Time, ns int64) {
	best := int64(math.MaxInt64)
	for range 10 {
		before := clock(unix.CLOCK_MONOTONIC)
		now := time.Now()
		if after := clock(unix.CLOCK_MONOTONIC); after-before < best {
			best, at, ns = after-before, now, before+(after-before)/2
		}
	}
	return at, ns
}

func monotonic() int64 { return baseNS + int64(time.Since(base)) }

// asleep is what CLOCK_BOOTTIME has counted and CLOCK_MONOTONIC has not. The two are read one after the other: a time for which this program
// did not run in between is none of suspension.
func asleep() (ns int64) {
	for range 10 {
		before := clock(unix.CLOCK_MONOTONIC)
		boot := clock(unix.CLOCK_BOOTTIME)
		after := clock(unix.CLOCK_MONOTONIC)
		if ns = boot - after; after-before < int64(time.Millisecond) {
			break
		}
	}
	return ns
}

func clock(id int32) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		return 0 // no such clock: not on Linux
	}
	return t.Nano()
}
