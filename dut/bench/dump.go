// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"lastpage/capture/ring"
	"lastpage/dut"
	"lastpage/dut/bench/command"
	"lastpage/kernels/plan"
)

// Dump brings what the board's memory holds after it has stopped.
type Dump interface {
	// Dump leaves it in dir as dut.DumpName.
	Dump(ctx context.Context, dir string) error
}

// DumpCommand is the lab's own program that leaves a memory image.
type DumpCommand struct {
	Line   string        `yaml:"run" json:"run"` // leaves an ELF core in the file LASTPAGE_DUMP
	Within time.Duration `yaml:"within" json:"within_ns,omitempty"`

	kernel string // which of several that lie in the memory, as ring.LoadOptions has it
}

// noteHead is how long an ELF note's header is, with the name VMCOREINFO.
const noteHead = 24

// of says that the kernel at p is meant. A kernel that another one started by kexec has that one's remains beside it.
func (d *DumpCommand) of(p *plan.Place) {
	if p != nil {
		d.kernel = fmt.Sprintf("%#x", p.VMCoreInfo.At+noteHead)
	}
}

// dumpLimit is the default bound: 1 GiB over a gigabit network takes 10 s, over a debugger minutes.
const dumpLimit = 5 * time.Minute

// Check fills in defaults and says what is missing.
func (d *DumpCommand) Check() error {
	if d.Line == "" {
		return errors.New("dump: command: want a line run:, such as run: ./jtag-dump b1 $LASTPAGE_DUMP")
	}
	if d.Within == 0 {
		d.Within = dumpLimit
	}
	return nil
}

// Dump implements Dump. The image itself, as large as the board's memory, is not kept: the ringbuffer's pages are.
func (d *DumpCommand) Dump(ctx context.Context, dir string) error {
	tmp, err := os.MkdirTemp(dir, "dump-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	image := filepath.Join(tmp, "image")
	if _, err := command.Run(ctx, d.Line, d.Within, "LASTPAGE_DUMP="+image); err != nil {
		return fmt.Errorf("dump: %w", err)
	}
	core, err := ring.OpenDump(ctx, image, ring.LoadOptions{Kernel: d.kernel})
	if err != nil {
		return fmt.Errorf("dump: command %q: %w", d.Line, err)
	}
	defer core.Close()
	r, err := core.Open(ctx)
	if err != nil {
		return fmt.Errorf("dump: %w", err)
	}
	return r.SaveCore(ctx, filepath.Join(dir, dut.DumpName))
}
