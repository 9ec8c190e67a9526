// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"lastpage/capture/ring"
	"lastpage/dut"
	"lastpage/kernels/plan"
)

// Pstore is a dump by memory that a reset leaves as it is (ramoops): the kernel that dies keeps the end of its log there, the board is reset,
// and the next kernel reports it on the console.
type Pstore struct {
	At      uint64        `yaml:"at" json:"at"`                     // physical address
	Size    uint64        `yaml:"size" json:"size"`                 // bytes
	Record  uint64        `yaml:"record" json:"record"`             // bytes of one record: as much of the log as one crash can keep
	Drivers []string      `yaml:"drivers" json:"drivers,omitempty"` // modules of it; none: it is built in
	Within  time.Duration `yaml:"within" json:"within_ns"`          // from the kernel's start to the report's end, without the line's own time

	Initrd []byte `yaml:"-" json:"-"` // of the kernel that reports
}

// Check fills in defaults and says what is missing.
func (p *Pstore) Check() error {
	if p.Size == 0 {
		p.Size = 1 << 20
	}
	if p.Record == 0 {
		p.Record = 256 << 10
	}
	if p.Within == 0 {
		p.Within = 3 * time.Minute
	}
	switch {
	case p.At == 0 || p.At%4096 != 0:
		return errors.New("dump: pstore: want at:, an address in the board's memory that nobody uses, such as 0x30000000")
	case p.Size&(p.Size-1) != 0 || p.Record&(p.Record-1) != 0 || p.Record > p.Size:
		return fmt.Errorf("dump: pstore: size %#x, record %#x: want powers of two, and room for a record", p.Size, p.Record)
	case p.Within < 0:
		return errors.New("dump: pstore: within: want a time above 0, such as 3m")
	}
	return nil
}

// Params are those of the module.
func (p *Pstore) Params() string {
	return fmt.Sprintf("mem_address=%#x mem_size=%#x record_size=%#x ecc=1 max_reason=2", p.At, p.Size, p.Record)
}

// Cmdline is what the kernel must be told.
func (p *Pstore) Cmdline() string { return fmt.Sprintf("memmap=%#x$%#x", p.Size, p.At) }

// Dump implements Dump; it takes the machine: see kept.
func (p *Pstore) Dump(context.Context, string) error {
	return errors.New("pstore: only a machine can bring it")
}

// reportBytes is how many bytes of the line a byte of a record takes: it is sent twice, four thirds long.
const reportBytes = 3

// errKeptNothing: only a kernel that panics keeps its log.
var errKeptNothing = errors.New("pstore: the kernel did not panic, and only then it keeps its log")

// kept resets a machine that has died, and reads what its kernel has kept.
func (m *machine) kept(ctx context.Context, p *Pstore, dir string) error {
	said := m.line.log.Bytes(m.armedAt.off, m.line.log.Len())
	if at, _ := dut.Death(said); at < 0 {
		return errKeptNothing
	}
	l, done, err := m.afterwards(ctx)
	if err != nil {
		return fmt.Errorf("pstore: %w", err)
	}
	defer done()
	return overheard(l, dir, func() error { return m.bring(ctx, p, l, dir) })
}

// bring resets it, and reads the report on its console.
func (m *machine) bring(ctx context.Context, p *Pstore, l *line, dir string) error {
	load := m.p
	load.Initrd = p.Initrd
	from := l.log.Len()
	if err := m.again(ctx, l, &load); err != nil {
		return fmt.Errorf("pstore: %w", err)
	}
	names, err := receive(ctx, l, from, p.Within+l.byteTime(reportBytes*int(p.Record)), dir)
	if err != nil {
		return fmt.Errorf("pstore: %w", err)
	}
	log, err := ring.Load(ctx, names[0], ring.LoadOptions{Parts: names[1:]})
	if err != nil {
		return fmt.Errorf("pstore: %w", err)
	}
	var text bytes.Buffer
	if err := ring.WriteJSON(&text, log); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, dut.DumpText), text.Bytes(), 0o644)
}

// receive writes the records that a kernel reports from an offset of the console on into dir, and gives their paths.
func receive(ctx context.Context, l *line, look int64, limit time.Duration, dir string) (names []string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no report of what was kept within %s", limit))
	defer cancel()
	parts := map[string][]byte{}
	for n := l.log.Len(); ; n = l.log.Len() {
		m, end := plan.FindReport(l.log.Bytes(look, n))
		look += int64(end)
		switch {
		case m == nil:
			if err := l.log.Wait(ctx, n+1); err != nil {
				return nil, errors.Join(context.Cause(ctx), err)
			}
		case m.Event == plan.EventError:
			return nil, errors.New(m.Text)
		case m.Event == plan.EventDone:
			if len(names) == 0 {
				return nil, errors.New("the report has an end and nothing before it")
			}
			return names, nil
		case m.Event == plan.EventKept && m.At == int64(len(parts[m.Text])) && len(m.Data) > 0:
			parts[m.Text] = append(parts[m.Text], m.Data...)
		case m.Event == plan.EventKept && m.At > int64(len(parts[m.Text])):
			return nil, fmt.Errorf("%s: a piece at %d is missing: the kernel printed into both copies of it", m.Text, len(parts[m.Text]))
		case m.Event == plan.EventKept && len(m.Data) == 0 && parts[m.Text] != nil:
			path := filepath.Join(dir, filepath.Base(m.Text))
			if err := os.WriteFile(path, parts[m.Text], 0o644); err != nil {
				return nil, err
			}
			if !slices.Contains(names, path) {
				names = append(names, path)
			}
		}
	}
}
