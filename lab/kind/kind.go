// SPDX-License-Identifier: Apache-2.0

// Package kind is what a kind of board must bring: an entry of the inventory that can be asked what it can do, and opened.
//
// A new kind is a package beside lab/qemu with a type that fits Entry, and one line in lab's switch.
package kind

import (
	"context"
	"io"
	"time"

	"lastpage/capture/wire"
	"lastpage/dut/bench"
	"lastpage/harness"
	"lastpage/kernels"
)

// Entry is the part of an inventory's entry that belongs to its kind. Its YAML fields are decoded strictly.
type Entry interface {
	// Complete fills in defaults and says what cannot be.
	Complete() error
	// Shown is what `boards list` tells of it.
	Shown() Shown
	// UseWire overrides how the wire is made, or says which words there are.
	UseWire(mode string) error
	// Courses is how courses of it come to differ, where nobody says otherwise.
	Courses() harness.How
	// CanSweep says why no sweep can be made on it; nil: one can. A sweep needs trials that begin at one and the same moment.
	CanSweep() error
	// Ready says what this machine lacks for it, before anything is fetched or built.
	Ready(ctx context.Context, o Options) error
	// Bench makes a kernel with a strategy's command line ready to be tried on it.
	Bench(ctx context.Context, board string, k Kernel, o Options) (*Made, error)
}

// Checker is an Entry whose board has parts that may fail one by one.
type Checker interface {
	// Line is the console as it is opened: a calibration is one of this line, and of no other.
	Line() Line
	// Check tries every part once, the line for so long in each direction; tell is given each finding as it is made. The calibration is nil
	// where none could be made.
	Check(ctx context.Context, board string, k Kernel, stress time.Duration, tell func(Finding)) (*bench.Calibration, error)
	// Off switches the board off.
	Off(ctx context.Context, board string) error
}

// Line is a console.
type Line struct {
	Console string `json:"console"`
	Baud    int    `json:"baud"`
}

// Finding is what a check found out about one part of a board.
type Finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Says string `json:"says"`
	Cure string `json:"cure,omitempty"` // where to look
	// Harmless: trials can be made though it is not OK.
	Harmless bool `json:"harmless,omitempty"`
}

// Shown is a board in a list.
type Shown struct {
	CPUs int
	Wire string
}

// Kernel is what is to be booted.
type Kernel struct {
	Image   *kernels.Image
	Entry   *kernels.Kernel // of the catalogue
	Cmdline string          // of the strategy, beside the image's own
	// Drivers are modules of it beside the image's, with what they depend on, in load order: paths.
	Drivers func(ctx context.Context, names []string, progress io.Writer) ([]string, error)
}

// Options are what the user may set for all boards of a run.
type Options struct {
	Baud     int
	Progress io.Writer
	Errors   io.Writer // what goes wrong when the trials are over; nil: Progress
	// Accept finds out whether a faster way to the same bytes may be taken, where that is not known yet for a kernel and command line, by
	// so many comparisons (AcceptOne, AcceptFew). 0: only what was accepted before is used.
	Accept int
	// NoProbe: no trial loads the probe (harness.Scenario.NoProbe).
	NoProbe bool
}

// AcceptOne takes some 20 s for each kernel and command line, its boot among them, AcceptFew a minute.
const (
	AcceptOne = 1
	AcceptFew = 4
)

// Made is a bench with what it made of the kernel.
type Made struct {
	Bench   harness.Bench
	Cmdline string // whole
	Frame   wire.Frame
	CPUs    int
	Mode    string   // how the wire is made
	Repeats bool     // equal orders give equal bytes
	Names   []string // kernel symbols that a trigger may wait for
}
