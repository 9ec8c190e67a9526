// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"lastpage/capture/wire"
	"lastpage/dut/bench/command"
	"lastpage/kernels/plan"
)

// Loader makes a board that was just switched on start a kernel.
type Loader interface {
	// Prepare puts the payload where the board will find it, before the board has power, and gives Boot what it must know.
	Prepare(p *Payload) (any, error)
	// Boot returns when the kernel was started, with the offset of the console before which all is the loader's. from is the offset at which
	// the power came.
	Boot(ctx context.Context, l *line, files any, from int64) (started int64, err error)
	// Banner is what the loader says first after a reset; "": nothing that could be told from a kernel's words.
	Banner() string
	// Clean removes what Prepare left.
	Clean() error
}

// noByte is the error of a board that says nothing after it got its power; kind is its loader's.
func noByte(kind string, within time.Duration) error {
	return fmt.Errorf("%s: not one byte came in %s after the power: look whether it is the right outlet and the right console, at the cable, and at baud: in the inventory", kind, within)
}

// Spoiler is a loader that knows where it overwrites memory before it starts a kernel, and where that kernel does before it has a choice.
type Spoiler interface {
	Spoils() []plan.Span
}

// owner is a loader between whose start and the kernel the board's own system may come up instead.
type owner interface{ Own() string }

// Command is a loader of which the lab's own program takes care: it is given the files, and makes the board boot them, over the network or
// however it does. It is run before the board gets its power.
type Command struct {
	Line string `yaml:"run" json:"run"` // sees LASTPAGE_KERNEL, LASTPAGE_INITRD (files) and LASTPAGE_CMDLINE
	Says string `yaml:"banner" json:"banner,omitempty"`

	dir string
}

// commandLimit bounds it.
const commandLimit = 2 * time.Minute

// Check says what is missing.
func (c *Command) Check() error {
	if c.Line == "" {
		return errors.New("boot: command: want a line run:, such as run: ./netboot b1")
	}
	return nil
}

// Prepare implements Loader.
func (c *Command) Prepare(p *Payload) (any, error) {
	dir, err := os.MkdirTemp("", "lastpage-boot-")
	if err != nil {
		return nil, err
	}
	c.dir = dir
	initrd := filepath.Join(dir, "initrd")
	if err := os.WriteFile(initrd, p.Initrd, 0o644); err != nil {
		return nil, err
	}
	_, err = command.Run(context.Background(), c.Line, commandLimit, "LASTPAGE_KERNEL="+p.Kernel, "LASTPAGE_INITRD="+initrd, "LASTPAGE_CMDLINE="+p.Cmdline)
	return nil, err
}

// Boot implements Loader: the board does it alone. A loader whose banner is known is waited for: what comes after that is not its own.
func (c *Command) Boot(ctx context.Context, l *line, _ any, from int64) (int64, error) {
	if c.Says == "" {
		return from, nil
	}
	m, err := l.expect(ctx, from, promptLimit, wire.Literal(c.Says))
	if err != nil {
		return 0, fmt.Errorf("boot: the loader's banner %q: %w", c.Says, err)
	}
	return m.End, nil
}

// Banner implements Loader.
func (c *Command) Banner() string { return c.Says }

// Clean implements Loader.
func (c *Command) Clean() error {
	if c.dir == "" {
		return nil
	}
	err := os.RemoveAll(c.dir)
	c.dir = ""
	if err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	return nil
}
