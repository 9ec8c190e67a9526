// SPDX-License-Identifier: Apache-2.0

// Package parts puts a bench together of what labs have: terminal servers (ser2net, RFC 2217), BMCs (IPMI by pyghmi), U-Boot with TFTP, and
// switches that are commands. In: a folder. Out: an inventory in it, as a user would write it.
//
// The machines are QEMUs, each with a `lastpage wire bridge` as its plug; whoever has the inventory sees only the parts. A machine that is
// off takes no CPU. Everything lies in the folder, on loopback, on ports that were free, and ends with the process that started it.
package parts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// Options of Start.
type Options struct {
	Lastpage string    // the command
	Dir      string    // a folder that is there
	Prefix   string    // of the boards' names: leases are of a whole machine
	Kinds    []string  // of boards; nil: all for which this machine has the parts
	Log      io.Writer // what the parts say
}

// Bench is a bench that is up.
type Bench struct {
	// Inventory is a file. Boards with a crash kernel are in a file of their own beside it (Crash): what a kernel does when it dies is
	// another thing there, and the promises of specs/board are not made.
	Inventory, Crash string
	Boards           []*Board
	Lacks            []string // boards that are not there, and which part of this machine's is missing

	o     Options
	tasks []*task
}

// kinds of boards: name, and what it needs beside the bridge.
var kinds = []struct {
	name  string
	needs func() error
}{
	{Plain, haveSer2net},
	{BMC, haveBMC},
	{Kdump, func() error { return nil }},
	{Pstore, func() error { return nil }},
	{RAM, func() error { return nil }},
}

// Kinds of boards.
const (
	Plain  = "plain"  // console through ser2net, switched by commands
	BMC    = "bmc"    // console without a server between, switched by a BMC
	Pstore = "pstore" // its log is kept over a reset
	RAM    = "ram"    // its memory is read after a reset, over its network
	Kdump  = "kdump"  // its memory comes from a crash kernel, over its network
)

// Start brings the bench up. It ends with ctx, or by Stop.
func Start(ctx context.Context, o Options) (*Bench, error) {
	b := &Bench{o: o, Inventory: filepath.Join(o.Dir, "boards.yaml"), Crash: filepath.Join(o.Dir, "crash.yaml")}
	var own, crash []*Board
	for _, k := range kinds {
		if o.Kinds != nil && !slices.Contains(o.Kinds, k.name) {
			continue
		}
		if err := k.needs(); err != nil {
			b.Lacks = append(b.Lacks, fmt.Sprintf("%s: %v", k.name, err))
			continue
		}
		board, err := b.board(ctx, k.name)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("board %s: %w", k.name, err), b.Stop())
		}
		b.Boards = append(b.Boards, board)
		if board.Receiver != 0 || board.Keeps {
			crash = append(crash, board)
		} else {
			own = append(own, board)
		}
	}
	if len(own) == 0 {
		return nil, errors.Join(fmt.Errorf("no board can be put together: %s", strings.Join(b.Lacks, "; ")), b.Stop())
	}
	return b, errors.Join(b.write(b.Crash, crash...), b.write(b.Inventory, own...)) // whoever waits for the second has the first
}

// Find is the board of a kind; nil if it is not there.
func (b *Bench) Find(kind string) *Board {
	for _, board := range b.Boards {
		if board.Kind == kind {
			return board
		}
	}
	return nil
}

// board puts one together.
func (b *Bench) board(ctx context.Context, kind string) (*Board, error) {
	d, err := b.one(kind, kind)
	if err != nil {
		return nil, err
	}
	d.firmware = "u-boot"
	if err := b.machine(ctx, d); err != nil {
		return nil, err
	}
	switch kind {
	case Plain:
		return d, b.server(ctx, d)
	case BMC:
		return d, b.bmc(ctx, d)
	}
	return d, nil
}

// one is a board that has the dump of a kind of boards.
func (b *Bench) one(kind, dumps string) (d *Board, err error) {
	d = &Board{Name: b.o.Prefix + kind, Kind: kind, dir: filepath.Join(b.o.Dir, kind), Memory: 512, Keeps: dumps == Pstore, Remembers: dumps == RAM}
	switch dumps {
	case Pstore:
		d.Memory = 1024
	case Kdump, RAM:
		d.Memory = 1024
		d.Receiver, err = freePort()
	}
	return d, err
}
