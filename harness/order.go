// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"

	"lastpage/capture/wire"
	"lastpage/dut"
	"lastpage/harness/grade"
	"lastpage/kernels/plan"
)

// Order is what one trial is asked to do. It is a value: it decides everything that the harness decides, holds no function, and can be
// written down, sent elsewhere and carried out there. The answer is the trial's folder.
type Order struct {
	Board     string        `json:"board"`
	Strategy  string        `json:"strategy"`
	Kernel    string        `json:"kernel"`               // name in the catalogue
	KernelKey string        `json:"kernel_key,omitempty"` // digest of what it was made from
	Scenario  string        `json:"scenario"`
	Cmdline   string        `json:"cmdline"` // whole
	Frame     wire.Frame    `json:"frame"`
	Plan      *plan.Plan    `json:"plan"`
	Inject    *Inject       `json:"inject"`
	Triggers  []dut.Trigger `json:"triggers"`
	PhaseUS   uint32        `json:"phase_us"`            // added to the plan's delay by the board's knob
	Course    *Course       `json:"course,omitempty"`    // null: the board's own, always the same on an exact wire
	Reference string        `json:"reference,omitempty"` // folder of the trial that says what was expected
	// Expected is that trial's sections, copied so that this folder can be graded alone; null if there is none.
	Expected map[string]grade.Count `json:"expected"`

	// Of a scenario that a user wrote.
	ScenarioDigest string   `json:"scenario_sha256,omitempty"` // of its file
	Files          []File   `json:"files,omitempty"`           // of the guest's
	Sections       []string `json:"sections,omitempty"`        // what an uninterrupted trial must hold
}

// Bench opens boards for orders. It may be used by several goroutines.
type Bench interface {
	// Can says before anything boots whether the bench has what the order needs: nil, or a *dut.CannotError.
	Can(o *Order) error
	// Open gives a board that is about to carry out the order. It is called once for every trial.
	Open(ctx context.Context, o *Order) (*dut.Board, error)
	// Rest frees what the trials shared. More trials may follow, and make it anew.
	Rest()
}

// Subject is one strategy, ready to be tried: a kernel, its command line, and a bench that opens boards which run them.
type Subject struct {
	Strategy  string
	Kernel    string
	KernelKey string
	Release   string
	Console   string // kind of console code: legacy, nbcon, ...
	Board     string
	Mode      string // of the wire; shown beside every grade
	Repeats   bool   // equal orders give equal bytes
	Cmdline   string // whole
	Frame     wire.Frame
	CPUs      int
	Bench     Bench
	// Names are the kernel's symbols that an Inject may wait for. A guest is asked for their addresses only when one does: reading
	// /proc/kallsyms takes a Debian kernel 14 s of its own time.
	Names []string
	// Origin says what the kernel was made from, where that was the user's: tree, commit, patches and configuration with their digests.
	Origin map[string]string
}
