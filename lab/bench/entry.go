// SPDX-License-Identifier: Apache-2.0

// Package bench is the kind of board that is put together from parts: an entry of the inventory names its console, its power switch, and how
// it boots. It is the only part of the lab that opens dut/bench.
package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"lastpage/capture/port"
	"lastpage/capture/wire"
	"lastpage/dut/bench"
	"lastpage/dut/bench/power"
	"lastpage/harness"
	"lastpage/lab/kind"
)

// Entry is a board on a bench as the inventory describes it.
type Entry struct {
	CPUs    int          `yaml:"cpus" json:"cpus"`
	Baud    int          `yaml:"baud" json:"baud"`
	Console string       `yaml:"console" json:"console"`
	Power   power.Config `yaml:"power" json:"power"`
	NMI     *Button      `yaml:"nmi" json:"nmi,omitempty"`
	Reset   *Button      `yaml:"reset" json:"reset,omitempty"` // which leaves the memory as it is
	Boot    Boot         `yaml:"boot" json:"boot"`
	Dump    *Dump        `yaml:"dump" json:"dump,omitempty"`
	Cmdline string       `yaml:"cmdline" json:"cmdline,omitempty"` // more for the kernel's command line
	Doubt   string       `yaml:"doubt" json:"doubt,omitempty"`     // why a kernel that dies while it boots may be the board's doing
	Within  Within       `yaml:"within" json:"within"`
	Tries   int          `yaml:"tries" json:"tries"` // of the loader, each from power off
}

// Button is what presses one, the NMI's or the reset's: exactly one of its fields.
type Button struct {
	Command power.Line  `yaml:"command" json:"command,omitempty"`
	IPMI    *power.IPMI `yaml:"ipmi" json:"ipmi,omitempty"`
}

// Dump is what brings the board's memory: exactly one of its fields.
type Dump struct {
	Command *bench.DumpCommand `yaml:"command" json:"command,omitempty"`
	Kdump   *bench.Kdump       `yaml:"kdump" json:"kdump,omitempty"`
	Pstore  *bench.Pstore      `yaml:"pstore" json:"pstore,omitempty"`
	RAM     *bench.RAM         `yaml:"ram" json:"ram,omitempty"`
}

// Within bounds what nothing else bounds.
type Within struct {
	Power time.Duration `yaml:"power" json:"power_ns"`
	Boot  time.Duration `yaml:"boot" json:"boot_ns"`
}

// Complete implements kind.Entry.
func (e *Entry) Complete() error {
	if e.CPUs == 0 {
		e.CPUs = 1
	}
	if e.Baud == 0 {
		e.Baud = 115200
	}
	if e.Tries == 0 {
		e.Tries = 2
	}
	if e.Within.Power == 0 {
		e.Within.Power = 30 * time.Second
	}
	if e.Within.Boot == 0 {
		e.Within.Boot = 3 * time.Minute
	}
	switch {
	case e.Console == "":
		return errors.New("console: want a serial port, rfc2217://HOST:PORT, telnet://HOST:PORT or tcp:HOST:PORT")
	case e.CPUs < 1 || e.CPUs > 64:
		return fmt.Errorf("cpus %d: want 1 to 64", e.CPUs)
	case e.Baud < 50 || e.Baud > 4_000_000:
		return fmt.Errorf("baud %d: want 50 to 4000000", e.Baud)
	case e.Tries < 1 || e.Tries > 10:
		return fmt.Errorf("tries %d: want 1 to 10", e.Tries)
	case e.Within.Power < 0 || e.Within.Boot < 0:
		return errors.New("within: want times above 0, such as 30s")
	}
	if err := port.CheckName(e.Console); err != nil {
		return fmt.Errorf("console %s: %w", e.Console, err)
	}
	_, err := e.setup("")
	return err
}

// setup checks the entry, and makes what opens one trial's board.
func (e *Entry) setup(board string) (*bench.Setup, error) {
	s := &bench.Setup{Name: board, Place: e.Console, Baud: e.Baud, Breaks: breaks(e.Console), Doubt: e.Doubt,
		Within: bench.Limits{Power: e.Within.Power, Boot: e.Within.Boot, Tries: e.Tries}}
	s.Console = func(ctx context.Context) (bench.Console, error) {
		return port.Open(ctx, port.Config{Name: e.Console, Baud: e.Baud})
	}
	var err error
	if s.Power, err = e.Power.New(); err != nil {
		return nil, err
	}
	if s.NMI, err = e.NMI.make(func(i *power.IPMI) power.Button { return i }); err != nil {
		return nil, fmt.Errorf("nmi: %w", err)
	}
	if s.Reset, err = e.Reset.make(func(i *power.IPMI) power.Button { return power.IPMIReset{IPMI: i} }); err != nil {
		return nil, fmt.Errorf("reset: %w", err)
	}
	s.Boot, err = e.Boot.make()
	if err == nil && e.Dump != nil {
		s.Dump, err = e.Dump.make(s)
	}
	return s, err
}

// make makes the button; nil if there is none.
func (b *Button) make(of func(*power.IPMI) power.Button) (power.Button, error) {
	switch {
	case b == nil:
		return nil, nil
	case b.Command != "" && b.IPMI == nil:
		return b.Command, nil
	case b.IPMI != nil && b.Command == "":
		return of(b.IPMI), b.IPMI.Check()
	}
	return nil, errors.New("want exactly one of command and ipmi")
}

// breaks says whether a console of that name carries a BREAK.
func breaks(console string) bool {
	switch {
	case strings.HasPrefix(console, "rfc2217://"), strings.HasPrefix(console, "telnet://"):
		return true
	}
	return strings.HasPrefix(console, "/dev/") && !strings.HasPrefix(console, "/dev/pts/")
}

// Shown implements kind.Entry.
func (e *Entry) Shown() kind.Shown { return kind.Shown{CPUs: e.CPUs, Wire: strconv.Itoa(e.Baud)} }

// UseWire implements kind.Entry.
func (e *Entry) UseWire(string) error {
	return errors.New("--wire has no effect on a board of kind bench: its wire is a cable")
}

// Courses implements kind.Entry.
func (e *Entry) Courses() harness.How { return harness.OwnWay }

// CanSweep implements kind.Entry.
func (e *Entry) CanSweep() error {
	return errors.New("a sweep needs trials that begin at one and the same moment; a board boots for each")
}

// Ready implements kind.Entry.
func (e *Entry) Ready(_ context.Context, o kind.Options) error {
	if o.Baud != e.Baud && o.Baud != defaultBaud {
		return fmt.Errorf("--baud %d has no effect: the inventory says baud: %d", o.Baud, e.Baud)
	}
	return e.Boot.ready()
}

// defaultBaud is that of the commands' --baud.
const defaultBaud = 115200

// Bench implements kind.Entry.
func (e *Entry) Bench(ctx context.Context, board string, k kind.Kernel, o kind.Options) (*kind.Made, error) {
	drivers, err := e.drivers(ctx, k, o.Progress)
	if err != nil {
		return nil, err
	}
	return &kind.Made{Cmdline: e.line(k), Frame: wire.Frame{Baud: e.Baud, Bits: 10}, CPUs: e.CPUs, Mode: "bench",
		Bench: &trials{board: board, entry: e, img: k.Image, drivers: drivers}}, nil
}
