// SPDX-License-Identifier: Apache-2.0

package port

import (
	"context"
	"errors"
	"strings"
	"time"

	"lastpage/capture/wire"
)

// source is an open port.
type source interface {
	ready(d time.Duration) bool // waits for something to read, at most d
	// read takes what is there; nothing and no error: nothing was. Pieces that came before an error are handed over with it.
	read(buf []byte) ([]piece, error)
	full() bool // so much waits for us in the kernel that the other side may have been refused
	look() []finding
	rate() int // bits per second as the driver or the server has it; 0 unknown
	ledger() *ledger
	counters() (counters, error) // errNoCounters where there are none
	caps() Caps
	write(ctx context.Context, b []byte) error // all of b
	sendBreak(ctx context.Context, d time.Duration) error
	Close() error
}

// remote is a source at the other end of a network.
type remote interface {
	silence() time.Duration // since the other side's last sign of life, as the kernel knows it
}

// finding is what a look at the port has shown.
type finding struct {
	kind  wire.MarkKind // 0: no mark
	other string        // a program that has the port open too
	void  string        // a reason why nothing may be graded on the capture
	modem string        // lines that are up
	tell  string
}

// What a source may not see, as Caps and reports name it.
const (
	unseenErrors = "overruns and line errors"
	unseenBreak  = "BREAK"
	unseenRate   = "the rate of the line"
	unseenServer = "what the server between loses"
)

// Kinds of sources, by the beginning of the name.
const (
	tcpPrefix     = "tcp:"
	telnetPrefix  = "telnet:"
	rfc2217Prefix = "rfc2217:"
	execPrefix    = "exec:"
)

// endpoint is the HOST:PORT of a name of this kind, with or without "//".
func endpoint(name, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(name, prefix)
	return strings.TrimSuffix(strings.TrimPrefix(rest, "//"), "/"), ok
}

// IsTTY says whether a name is that of a device of this machine, which has a rate that we set.
func IsTTY(name string) bool {
	for _, p := range []string{tcpPrefix, telnetPrefix, rfc2217Prefix, execPrefix} {
		if strings.HasPrefix(name, p) {
			return false
		}
	}
	return true
}

// SetsRate says whether the rate of the line is ours to set.
func SetsRate(name string) bool { return IsTTY(name) || strings.HasPrefix(name, rfc2217Prefix) }

// open opens a port; last is the source that went away, or nil.
func open(ctx context.Context, cfg Config, last source) (source, error) {
	for _, l := range []string{cfg.DTR, cfg.RTS} {
		if l != "" && l != "on" && l != "off" {
			return nil, errors.New("DTR and RTS are on, off or left alone")
		}
		if l != "" && !SetsRate(cfg.Name) {
			return nil, errors.New("DTR and RTS are set on a tty or through RFC 2217 only")
		}
	}
	if addr, ok := endpoint(cfg.Name, tcpPrefix); ok {
		return dialTCP(ctx, addr)
	}
	if addr, ok := endpoint(cfg.Name, telnetPrefix); ok {
		return dialTelnet(ctx, addr, cfg, false)
	}
	if addr, ok := endpoint(cfg.Name, rfc2217Prefix); ok {
		return dialTelnet(ctx, addr, cfg, true)
	}
	if command, ok := strings.CutPrefix(cfg.Name, execPrefix); ok {
		return startCommand(command)
	}
	var where *place
	if t, ok := last.(*tty); ok {
		where = t.place
	}
	return openTTY(cfg, where)
}
