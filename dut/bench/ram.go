// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lastpage/kernels/plan"
)

// RAM is a dump by memory that a reset leaves as it is, without anything that the kernel had to do for it: the board is reset, and a second
// kernel, which keeps out of the first one's place, offers that place to this machine. So it also tells of a machine that hung, or that
// lives.
//
// What the loader overwrites (Spoiler) is kept from the first kernel by memmap=, which its KASLR avoids too
// (arch/x86/boot/compressed/kaslr.c, mem_avoid_memmap). The second kernel has that and nothing else: all memory of the first one is kept from
// it in the same way. Firmware that tests or clears memory leaves nothing to read.
type RAM struct {
	Receiver `yaml:",inline"`

	Initrd []byte `yaml:"-" json:"-"` // of the second kernel
}

// Check fills in defaults and says what is missing.
func (r *RAM) Check() error { return r.Receiver.Check("dump: ram") }

// Dump implements Dump; it takes the machine: see remembered.
func (r *RAM) Dump(context.Context, string) error {
	return errors.New("ram: only a machine can bring it")
}

// memmap are the words that keep a kernel out of spans.
func memmap(spans []plan.Span) string {
	var words []string
	for _, s := range spans {
		p := s.Pages()
		words = append(words, fmt.Sprintf("memmap=%#x$%#x", p.Size, p.At))
	}
	return strings.Join(words, " ")
}

// Cmdline is what the first kernel must be told.
func (r *RAM) Cmdline(spoils []plan.Span) string { return memmap(spoils) }

// second is the command line of the kernel that offers the memory of the one at p. It has what was kept from that one.
func (r *RAM) second(first string, spoils []plan.Span, p *plan.Place) string {
	line := strings.Replace(first, r.Cmdline(spoils), memmap(p.RAM), 1)
	return line + " " + plan.MemoryParam(append([]plan.Span{p.VMCoreInfo}, p.RAM...))
}

// remembered resets the machine and takes the memory of the kernel before.
func (m *machine) remembered(ctx context.Context, d *RAM, dir string) error {
	p, spoils := m.place(), m.s.Boot.(Spoiler).Spoils()
	if p == nil {
		return errors.New("ram: the guest has not told where its kernel lies")
	}
	for _, lost := range spoils {
		if k := p.Kernel; k.At < lost.End() && lost.At < k.End() {
			return fmt.Errorf("ram: the kernel lies at %#x to %#x, where the loader puts the next one (%#x to %#x): take nokaslr from its command line",
				k.At, k.End(), lost.At, lost.End())
		}
	}
	l, done, err := m.afterwards(ctx)
	if err != nil {
		return fmt.Errorf("ram: %w", err)
	}
	defer done()
	load := m.p
	load.Initrd, load.Cmdline = d.Initrd, d.second(m.p.Cmdline, spoils, p)
	if err := m.again(ctx, l, &load); err != nil {
		return fmt.Errorf("ram: %w", err)
	}
	return overheard(l, dir, func() error { return d.receive(ctx, "ram", "second kernel", dir) })
}

// place is where the guest has said that its kernel lies; nil if it has not.
func (m *machine) place() *plan.Place {
	for _, said := range m.messages {
		if said.Event == plan.EventArmed {
			return said.Place
		}
	}
	return nil
}

// again resets the machine and has its loader start another kernel.
func (m *machine) again(ctx context.Context, l *line, p *Payload) error {
	files, err := m.s.Boot.Prepare(p)
	if err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	from := l.log.Len()
	if err := m.s.Reset.Press(ctx); err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	if _, err := m.s.Boot.Boot(ctx, l, files, from); err != nil {
		return fmt.Errorf("after the reset: %w", err)
	}
	return nil
}
