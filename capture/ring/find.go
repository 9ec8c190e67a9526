// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Candidate is one VMCOREINFO text in memory.
type Candidate struct {
	Offset int64 // physical address of its first byte; -1 if it is not in memory
	Info   *VMCoreInfo
	Err    error // why it cannot be the running kernel's; nil if its ringbuffer is where it says

	copies []int64 // where else the text of this kernel is: its note and its page hold it both
}

// String names the kernel and the place.
func (c Candidate) String() string {
	off, _ := c.Info.KernelOffset()
	if c.Offset < 0 {
		return fmt.Sprintf("%s in the note (KERNELOFFSET %x)", c.Info.Release, off)
	}
	return fmt.Sprintf("0x%x (%s, KERNELOFFSET %x)", c.Offset, c.Info.Release, off)
}

// AmbiguousError says that memory holds the remains of several kernels (a boot before a reset, a crash kernel), each with a
// ringbuffer that looks whole. Nothing in memory tells which of them ran last.
type AmbiguousError struct{ Candidates []Candidate }

func (e *AmbiguousError) Error() string {
	var where []string
	for _, c := range e.Candidates {
		where = append(where, c.String())
	}
	return "find VMCOREINFO: memory holds several boots, at " + strings.Join(where, " and ") +
		": say which one (by the address of a symbol, or one of these), or start the machine with fresh memory"
}

// ErrNoVMCoreInfo: no kernel (yet), or one built without CONFIG_VMCORE_INFO (CRASH_CORE before 6.9).
var ErrNoVMCoreInfo = errors.New("no VMCOREINFO in memory: the kernel has not come so far, or is built without CONFIG_VMCORE_INFO (CONFIG_CRASH_CORE before 6.9)")

// extents is memory that knows where it has data: sparse RAM files, cores with segments.
type extents interface {
	// next gives the first stretch of data at or after off; ok is false after the last one.
	next(off int64) (start, end int64, ok bool)
}

var osrelease = []byte("OSRELEASE=")

const (
	scanChunk = 1 << 20
	// maxHits bounds the work on memory that is full of the needle, maxParsed the part that looks like a text at its beginning. A
	// real machine has some tens: format strings, page cache.
	maxHits   = 1 << 16
	maxParsed = 1 << 12
	// maxTexts bounds how many different well-formed texts are looked at more closely.
	maxTexts = 64
)

// FindVMCoreInfo looks through physical memory for the text of the kernel that lives there. Stale copies are left out if their
// ringbuffer is no longer where they say.
func FindVMCoreInfo(ctx context.Context, mem io.ReaderAt, size int64) (*VMCoreInfo, error) {
	all, err := FindCandidates(ctx, mem, size)
	if err != nil {
		return nil, err
	}
	var good []Candidate
	var why error
	for _, c := range all {
		if c.Err == nil {
			good = append(good, c)
		} else if why == nil {
			why = fmt.Errorf("find VMCOREINFO: the copy at 0x%x does not fit this memory: %w", c.Offset, c.Err)
		}
	}
	switch {
	case len(good) == 1:
		return good[0].Info, nil
	case len(good) > 1:
		return nil, &AmbiguousError{Candidates: good}
	case why != nil:
		return nil, why
	}
	return nil, fmt.Errorf("find VMCOREINFO: %w", ErrNoVMCoreInfo)
}

// gapError is about memory that a dump should have and has not.
type gapError struct {
	err  error
	next int64 // physical address after it
}

func (e *gapError) Error() string { return e.err.Error() }
func (e *gapError) Unwrap() error { return e.err }

// maxGaps is after how many gaps a search gives up.
const maxGaps = 1000

// scan shows memory from begin to end, leaving out what a sparse one has not, in chunks that overlap by so many bytes.
func scan(ctx context.Context, mem io.ReaderAt, begin, end int64, overlap int, look func(chunk []byte, off int64) error) error {
	buf := make([]byte, scanChunk+overlap)
	sparse, _ := mem.(extents)
	gaps := 0
	for off := begin; off < end; {
		if err := ctx.Err(); err != nil {
			return err
		}
		stop := end
		if sparse != nil {
			start, last, ok := sparse.next(off)
			if !ok || start >= end {
				return nil
			}
			off, stop = max(off, start), min(end, last)
		}
		n, err := mem.ReadAt(buf[:min(int64(len(buf)), stop-off)], off)
		if n == 0 {
			if gap := (*gapError)(nil); errors.As(err, &gap) && gaps < maxGaps {
				gaps++
				off = gap.next
				continue
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return fmt.Errorf("read memory at 0x%x: %w", off, err)
			}
			return nil
		}
		if err := look(buf[:n], off); err != nil {
			return err
		}
		if err != nil || off+int64(n) >= stop {
			off = stop // of this stretch; a short read ends it too
		} else {
			off += int64(n - overlap)
		}
	}
	return nil
}

// FindCandidates gives every different VMCOREINFO text in memory in the order of address, each tried against the memory.
func FindCandidates(ctx context.Context, mem io.ReaderAt, size int64) ([]Candidate, error) {
	var found []Candidate
	hits, parsed := 0, 0
	text := make([]byte, maxVMCoreInfo)
	err := scan(ctx, mem, 0, size, len(osrelease)-1, func(chunk []byte, off int64) error {
		for at := 0; ; at++ {
			i := bytes.Index(chunk[at:], osrelease)
			if i < 0 {
				return nil
			}
			at += i
			if hits++; hits > maxHits {
				return fmt.Errorf("%q more than %d times up to 0x%x: this is not a machine's memory", osrelease, maxHits, off)
			}
			m, _ := mem.ReadAt(text[:maxLine], off+int64(at))
			if first, _, ok := bytes.Cut(text[:m], []byte{'\n'}); !ok || len(first) == len(osrelease) || bytes.ContainsAny(first, "%\x00") {
				continue // a format string, a piece of something
			}
			if parsed++; parsed > maxParsed {
				return fmt.Errorf("more than %d beginnings of it up to 0x%x: this is not a machine's memory", maxParsed, off)
			}
			m, _ = mem.ReadAt(text, off+int64(at))
			info, err := ParseVMCoreInfo(text[:m])
			if err != nil {
				continue // a piece of a log, an old page
			}
			if found = addCandidate(found, Candidate{Offset: off + int64(at), Info: info}); len(found) > maxTexts {
				return fmt.Errorf("more than %d different texts up to 0x%x: this is not a machine's memory", maxTexts, off)
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("find VMCOREINFO: %w", err)
	}
	for i := range found {
		_, found[i].Err = Open(ctx, mem, size, found[i].Info)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("find VMCOREINFO: %w", err)
		}
	}
	return found, nil
}

// addCandidate keeps one candidate per kernel, the one with the longer text.
func addCandidate(all []Candidate, c Candidate) []Candidate {
	for i := range all {
		if all[i].Info.sameKernel(c.Info) {
			copies := append(all[i].copies, c.Offset)
			if len(c.Info.Text) > len(all[i].Info.Text) {
				copies[len(copies)-1] = all[i].Offset
				all[i] = c
			}
			all[i].copies = copies
			return all
		}
	}
	return append(all, c)
}
