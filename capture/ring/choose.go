// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
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
		return nil, fmt.Errorf("read %s: it is text, not memory: there is no ringbuffer in it", d.path)
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

// wanted is what LoadOptions.Kernel says.
type wanted struct {
	text string
	role role
	addr uint64 // 0: none
}

func parseKernel(s string) (wanted, error) {
	switch s {
	case "", "crashed":
		return wanted{s, crashedKernel, 0}, nil
	case "capture":
		return wanted{s, captureKernel, 0}, nil
	}
	if hex, ok := strings.CutPrefix(s, "0x"); ok {
		if addr, err := strconv.ParseUint(hex, 16, 64); err == nil && addr != 0 {
			return wanted{s, anyKernel, addr}, nil
		}
	}
	return wanted{}, fmt.Errorf("kernel %q: want crashed, capture, or the address of a symbol or of a copy of VMCOREINFO, such as 0x1380018", s)
}

// sure: no other kernel in the memory can be meant.
func (w wanted) sure(k *kernel) bool {
	switch {
	case w.addr != 0:
		return w.hits(k)
	case w.role == captureKernel:
		return k.role == captureKernel
	}
	return k.role != captureKernel
}

// allows: k can be meant if there is no other kernel.
func (w wanted) allows(k *kernel) bool {
	return w.addr == 0 && w.role == crashedKernel || w.sure(k)
}

// hits tells whether the address is of this kernel.
func (w wanted) hits(k *kernel) bool {
	if k.at >= 0 && uint64(k.at) == w.addr {
		return true
	}
	for _, at := range k.rd.info.symbols {
		if at == w.addr {
			return true
		}
	}
	return false
}

// among chooses one kernel of several.
func (w wanted) among(all []*kernel) (*kernel, error) {
	of := func(r role) []*kernel { return pick(all, func(k *kernel) bool { return k.role == r }) }
	crashed, capture, other := of(crashedKernel), of(captureKernel), of(anyKernel)
	var fit []*kernel
	switch {
	case w.addr != 0:
		if fit = pick(all, w.hits); len(fit) == 0 {
			return nil, fmt.Errorf("choose a kernel: %s is the address of none: memory holds %s", w.text, listKernels(all))
		}
	case w.role == captureKernel:
		if fit = capture; len(fit) == 0 && len(crashed) > 0 {
			fit = other
		}
		if len(fit) == 0 {
			return nil, fmt.Errorf("choose a kernel: none is known as the capture kernel (by elfcorehdr= in its command line): memory holds %s", listKernels(all))
		}
	case len(all) == 1:
		fit = all
	default:
		if fit = crashed; len(fit) == 0 && len(capture) > 0 {
			fit = other
		}
	}
	if len(fit) == 1 {
		return fit[0], nil
	}
	amb := &AmbiguousError{}
	for _, k := range all {
		amb.Candidates = append(amb.Candidates, Candidate{Offset: k.at, Info: k.rd.info})
	}
	return nil, amb
}

func pick(all []*kernel, ok func(*kernel) bool) (some []*kernel) {
	for _, k := range all {
		if ok(k) {
			some = append(some, k)
		}
	}
	return some
}

func listKernels(all []*kernel) string {
	where := make([]string, len(all))
	for i, k := range all {
		where[i] = Candidate{Offset: k.at, Info: k.rd.info}.String()
	}
	return strings.Join(where, " and ")
}
