// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
)

// role is what a kernel says of itself in its log.
type role int

const (
	anyKernel     role = iota
	crashedKernel      // it has memory reserved for a capture kernel
	captureKernel      // it was booted to save the memory of another
)

// kernel is one whose ringbuffer is in the memory.
type kernel struct {
	rd   *Reader
	log  *Log
	role role
	at   int64 // of the copy of VMCOREINFO, physical; -1: the container's note

	copies []int64 // where other copies of it are
}

// tryKernel reads the log that a VMCOREINFO text leads to.
func (d *Dump) tryKernel(ctx context.Context, info *VMCoreInfo, at int64) (*kernel, error) {
	return readKernel(ctx, d.mem, info, at)
}

func readKernel(ctx context.Context, mem sized, info *VMCoreInfo, at int64) (*kernel, error) {
	rd, err := Open(ctx, mem, mem.Size(), info)
	if err != nil {
		return nil, err
	}
	log, err := rd.Log(ctx)
	if err != nil {
		return nil, err
	}
	return &kernel{rd: rd, log: log, role: roleOf(log), at: at}, nil
}

// roleOf looks at the command line and at what the kernel said about memory: on machines with a device tree the capture kernel has no elfcorehdr=.
func roleOf(log *Log) role {
	found := anyKernel
	for i := range log.Records {
		text := log.Records[i].Text
		switch {
		case bytes.HasPrefix(text, []byte("Kernel command line: ")), bytes.HasPrefix(text, []byte("Command line: ")):
			for _, word := range bytes.Fields(text) {
				if bytes.HasPrefix(word, []byte("elfcorehdr=")) {
					return captureKernel
				}
				if bytes.HasPrefix(word, []byte("crashkernel=")) {
					found = crashedKernel
				}
			}
		case bytes.HasPrefix(text, []byte("Reserving ")) && bytes.HasSuffix(text, []byte("for elfcorehdr")):
			return captureKernel
		case bytes.HasPrefix(text, []byte("crashkernel reserved: ")), bytes.HasPrefix(text, []byte("Reserving ")) && bytes.Contains(text, []byte(" for crashkernel")):
			found = crashedKernel
		}
	}
	return found
}

// choose finds the kernel that was asked for. The container's note is asked first; memory is searched if it is missing, wrong, or of another
// kernel.
func (d *Dump) choose(ctx context.Context) (*kernel, error) {
	if d.text != nil {
		return nil, errors.New("it is text, not memory: there is no ringbuffer in it")
	}
	want, err := parseKernel(d.opts.Kernel)
	if err != nil {
		return nil, err
	}
	var noted *kernel
	var wrong error
	if d.note != nil {
		var info *VMCoreInfo
		if info, wrong = ParseVMCoreInfo(d.note); wrong == nil {
			noted, wrong = d.tryKernel(ctx, info, -1)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if noted != nil && want.sure(noted) {
			return noted, nil
		}
	}
	k, err := d.search(ctx, want, noted)
	switch {
	case err == nil && wrong != nil:
		d.notes = append(d.notes, fmt.Sprintf("the VMCOREINFO note is wrong (%v); the copy in memory at 0x%x was used", wrong, k.at))
	case errors.Is(err, ErrNoVMCoreInfo) && noted != nil && want.allows(noted):
		return noted, nil
	case err != nil && wrong != nil && d.cut != "":
		err = wrong // what is missing is the reason for both
	case errors.Is(err, ErrNoVMCoreInfo) && wrong != nil:
		err = fmt.Errorf("the VMCOREINFO note leads nowhere: %w; and there is no copy of it in memory", wrong)
	case err != nil && wrong != nil:
		err = fmt.Errorf("the VMCOREINFO note leads nowhere: %w; and without it: %w", wrong, err)
	case errors.Is(err, ErrNoVMCoreInfo) && d.claims() != "":
		err = fmt.Errorf("%w; %s", err, d.claims())
	case errors.Is(err, ErrNoVMCoreInfo) && strings.HasSuffix(d.kind, rawRAM):
		head, _ := headOf(d.mem)
		err = fmt.Errorf("the file is of no kind that is known (it begins %q); taken as a machine's memory: %w", head[:min(len(head), 8)], err)
	}
	return k, d.because(err)
}

// search looks through the memory.
func (d *Dump) search(ctx context.Context, want wanted, noted *kernel) (*kernel, error) {
	all, err := FindCandidates(ctx, d.mem, d.mem.Size())
	if err != nil {
		return nil, err
	}
	var good []*kernel
	var why error
	for _, c := range all {
		var k *kernel
		if c.Err == nil {
			k, c.Err = d.tryKernel(ctx, c.Info, c.Offset)
		} else {
			k, c.Err = d.tryMoved(ctx, c)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if c.Err == nil {
			k.copies = c.copies
			good = append(good, k)
		} else if why == nil {
			why = fmt.Errorf("find VMCOREINFO: the copy at 0x%x does not fit this memory: %w", c.Offset, c.Err)
		}
	}
	if noted != nil && !hasKernel(good, noted) {
		good = append(good, noted)
	}
	switch {
	case len(good) == 0 && why != nil:
		return nil, why
	case len(good) == 0:
		return nil, fmt.Errorf("find VMCOREINFO: %w", ErrNoVMCoreInfo)
	}
	return want.among(good)
}

// hasKernel: a reboot may leave the same text at the same place, so the ringbuffer is what counts.
func hasKernel(all []*kernel, k *kernel) bool {
	for _, o := range all {
		if o.rd.info.sameKernel(k.rd.info) {
			return true
		}
	}
	return false
}
