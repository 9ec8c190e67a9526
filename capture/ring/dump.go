// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Dump is an open file that holds a log: a machine's memory in some container, or text.
type Dump struct {
	kind string // Witness.Kind
	opts LoadOptions

	mem  sized  // physical memory
	note []byte // VMCOREINFO as the container has it, nil if it has none
	cut  string // what is missing of a cut file, "" if nothing

	text *Log // instead of mem

	notes   []string
	closers []io.Closer
}

// Close closes the files.
func (d *Dump) Close() error {
	var all []error
	for _, c := range d.closers {
		all = append(all, c.Close())
	}
	d.closers = nil
	return errors.Join(all...)
}

// Open finds the ringbuffer of the kernel that was asked for.
func (d *Dump) Open(ctx context.Context) (*Reader, error) {
	k, err := d.choose(ctx)
	if err != nil {
		return nil, err
	}
	return k.rd, nil
}

// Log reads the whole ringbuffer, and the consoles beside it.
func (d *Dump) Log(ctx context.Context) (*Log, error) {
	if d.text != nil {
		if d.opts.Kernel != "" {
			return nil, errors.New("it is text: there are no kernels in it to choose from")
		}
		return d.text, nil
	}
	k, err := d.choose(ctx)
	if err != nil {
		return nil, err
	}
	log := k.log
	if !d.opts.NoConsoles {
		if log.Consoles, err = k.rd.Consoles(ctx); err != nil && ctx.Err() != nil {
			return nil, err
		} // else the records do not depend on them
	}
	if log.Witness.Kind == "" {
		log.Witness.Kind = d.kind
	}
	if d.cut != "" {
		d.notes = append(d.notes, d.cut+"; everything that the log needs is in it")
	}
	log.Notes = d.notes
	return log, nil
}

// Notes are what was odd about the file; they are known once the ringbuffer was found.
func (d *Dump) Notes() []string { return d.notes }

// because adds to an error that the file was cut, which may be the reason.
func (d *Dump) because(err error) error {
	if err != nil && d.cut != "" && !strings.Contains(err.Error(), d.cut) {
		return fmt.Errorf("%w; %s", err, d.cut)
	}
	return err
}

// claims tells that a core's segments claim more than the file can have, "" if they do not.
func (d *Dump) claims() string {
	c, ok := d.mem.(*Core)
	if !ok {
		return ""
	}
	all := uint64(0)
	for _, s := range c.segs {
		if !s.zero {
			all += min(s.size, maxPhys-all)
		}
	}
	if held := uint64(c.held()); all > 2*held {
		return fmt.Sprintf("the segments claim %d bytes of memory, the file has %d", all, held)
	}
	return ""
}
