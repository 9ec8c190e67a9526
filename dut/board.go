// Package dut is the board: the machine under test, cut by wire and not by class. A Board is a struct of small capabilities; one that the
// bench does not have is nil, and whoever needs it says so before the trial begins.
//
// Data comes in as a kernel to boot and triggers to arm, and goes out as bytes of the console with their times, events, and memory.
// QEMU (dut/qemu) and a board on a bench look the same from here on.
package dut

import (
	"context"
	"io"

	"lastpage/capture/wire"
	"lastpage/kernels/plan"
)

// Board is one opened machine, powered but not yet running.
type Board struct {
	Name  string
	Facts map[string]string // versions of everything that could change a result

	Wire    *wire.Log // the tap on the console under test; closed when the board is
	Machine Machine
	Memory  Memory              // nil: nothing can read this machine's memory
	Control <-chan plan.Message // second channel, guest to harness; closed with the machine; nil: there is none
	Events  func() []Event      // nil: there is no doorbell
	Audit   func() Audit        // what the tap knows about its own losses
	Knob    func(us uint32)     // delays the provocation by us, also after a snapshot; the machine must stand; nil: cannot be done

	close func() error
}

// New returns b with its clean-up.
func New(b Board, close func() error) *Board {
	b.close = close
	return &b
}

// Close ends the machine and frees everything; it may be called twice.
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

// Memory is the machine's physical memory. It can be read at any time; while the machine runs it changes underneath.
type Memory interface {
	io.ReaderAt
	Size() int64 // bytes
}

// Event is one ring of the doorbell.
type Event struct {
	Code     plan.Code `json:"code"`
	Arg      uint32    `json:"arg"`
	NS       int64     `json:"ns"`        // on the wire's clock
	WireByte int64     `json:"wire_byte"` // bytes that had left the UART
	CPU      int       `json:"cpu"`
}

// End says how a run ended.
type End struct {
	By     string `json:"by"`     // "trigger" or the machine's own reason: "guest-reset", "guest-shutdown", "gone"
	Firing int    `json:"firing"` // index of the trigger that stopped it, -1 if none did
}

// Audit is the tap's account of itself: figures that belong beside every grade, and the reasons for which a trial must not be graded.
type Audit struct {
	Figures map[string]int64 `json:"figures"`
	Void    []string         `json:"void"`
}
