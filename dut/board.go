// SPDX-License-Identifier: Apache-2.0

// Package dut is the board: the machine under test, cut by wire and not by class. A Board is a struct of small capabilities; one that the
// bench does not have is nil, and whoever needs it says so before the trial begins, or notes that it is missing.
//
// Data comes in as a kernel to boot and triggers to arm, and goes out as bytes of the console with their times, events, and a dump.
// QEMU (dut/qemu) and a board on a bench look the same from here on; dut/duttest is one that follows a script.
package dut

import (
	"context"

	"lastpage/capture/ring"
	"lastpage/capture/wire"
	"lastpage/kernels/plan"
)

// DumpText is the file of a dump that is no memory but a log, as `lastpage dmesg --json` prints it.
const DumpText = "ring.json"

// DumpName is the file in which Board.Dump leaves what it could have of the machine's memory.
const DumpName = "ring.elf"

// Board is one opened machine, powered but not yet running.
type Board struct {
	Name  string
	Mode  string            // how the wire was made, in one word for the head of a grade
	Start Start             // where its trials begin
	Facts map[string]string // versions of everything that could change a result

	Wire    *wire.Log // the tap on the console under test; closed when the board is
	Machine Machine
	// Dump leaves the printk ringbuffer of the machine, which has stopped, in dir as DumpName. On a bench that may take a reboot. nil: there
	// is no way to have one.
	Dump func(ctx context.Context, dir string) error
	// Ring reads the same without a file; nil: it takes a file.
	Ring func(ctx context.Context) (*ring.Log, error)
	// Said is what the guest said over a second channel, complete once the board is closed; nil: there is no such channel.
	Said   func() []plan.Message
	Events func() []Event // of the doorbell, complete once Run has returned; nil: there is none
	Audit  func() Audit   // what the tap knows about its own losses
	Turn   func(Knobs)    // tells the guest what no plan could tell it before, also after a snapshot; the machine must stand; nil: cannot be done

	// BootDoubt says why a kernel that dies while it boots here may be the board's doing; "": it is the kernel's.
	BootDoubt string

	close func() error
}

// Knobs are what the harness turns before a trial goes on.
type Knobs struct {
	PhaseUS uint32 // the provocation comes so much later
	Course  uint32 // how the guest is disturbed before its plan starts (harness.Course.Word); 0: not at all
}

// Start says from where a trial of a board begins.
type Start struct {
	Kind StartKind `json:"kind"`
	ID   string    `json:"id,omitempty"` // of the snapshot; trials of one snapshot may be compared byte by byte
}

// StartKind is the way a trial begins.
type StartKind string

const (
	FromBoot     StartKind = "boot"
	FromSnapshot StartKind = "snapshot"
)

// New returns b with its clean-up.
func New(b Board, close func() error) *Board {
	b.close = close
	return &b
}

// Close ends the machine and frees everything; it may be called twice. It waits for nobody who reads.
func (b *Board) Close() error {
	if b.close == nil {
		return nil
	}
	c := b.close
	b.close = nil
	return c()
}

// Machine runs the board.
type Machine interface {
	// Arm sets all triggers of the trial, replacing earlier ones. The machine must not be running.
	Arm(triggers []Trigger) error
	// Run lets the machine go and returns when a trigger stopped it, when it stopped by itself, or with ctx's error.
	Run(ctx context.Context) (End, error)
	// Fired tells what became of each armed trigger, in their order.
	Fired() []Firing
}

// Event is one ring of the doorbell.
type Event struct {
	Code     plan.Code `json:"code"`
	Arg      uint32    `json:"arg"`
	NS       int64     `json:"ns"`        // on the wire's clock
	WireByte Offset    `json:"wire_byte"` // bytes that had left the UART
	CPU      int       `json:"cpu"`
	Writer   *int      `json:"writer,omitempty"` // the CPU that had written to the UART last; nil: the board does not see it
}

// AnotherKernel is the End.By of a machine on whose line another kernel spoke: a crash kernel, or the same one after a reset.
const AnotherKernel = "another kernel"

// End says how a run ended.
type End struct {
	By     string `json:"by"`     // "trigger" or the machine's own reason: "guest-reset", "guest-shutdown", "gone"
	Firing int    `json:"firing"` // index of the trigger that stopped it, -1 if none did
	// Wire is the offset at which the wire stops being the dead kernel's: a crash kernel or a firmware may go on after it. null: it is the
	// dead kernel's to its end.
	Wire *int64 `json:"wire_end,omitempty"`
	// Begin is the offset before which the wire is another's: the loader's, or that of a system that was there before. null: nothing is known of one.
	Begin *int64 `json:"wire_begin,omitempty"`
}

// Audit is the tap's account of itself: figures that belong beside every grade, and the reasons for which a trial must not be graded.
type Audit struct {
	Figures map[string]int64 `json:"figures"`
	// Losses names the figures that count bytes which did not get from the guest's write to the record of the wire.
	Losses []string `json:"losses"`
	// Sent is how many bytes the guest gave to the line; null: not known.
	Sent *int64   `json:"sent"`
	Void []string `json:"void"`
}
