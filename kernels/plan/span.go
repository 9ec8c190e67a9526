// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"strconv"
	"strings"
)

// Span is a stretch of physical memory, bytes.
type Span struct {
	At   uint64 `json:"at"`
	Size uint64 `json:"size"`
}

// End is the address after it.
func (s Span) End() uint64 { return s.At + s.Size }

// Pages is s up to whole pages of 4 KiB, which is what memmap= keeps.
func (s Span) Pages() Span {
	const page = 4096
	at := s.At &^ (page - 1)
	return Span{At: at, Size: (s.End() - at + page - 1) &^ (page - 1)}
}

// Place is where a kernel lies in physical memory.
type Place struct {
	RAM        []Span `json:"ram"`        // all that is left to the kernel
	Kernel     Span   `json:"kernel"`     // its image
	VMCoreInfo Span   `json:"vmcoreinfo"` // its VMCOREINFO, an ELF note
}

// MemoryWord is the parameter of the command line that names spans for an Offer, that of VMCOREINFO first. The kernel lets words with a dot pass.
const MemoryWord = "lastpage.memory="

// MemoryParam names spans on a command line, in the form of memmap=: SIZE@START.
func MemoryParam(spans []Span) string {
	var all []string
	for _, s := range spans {
		all = append(all, fmt.Sprintf("%#x@%#x", s.Size, s.At))
	}
	return MemoryWord + strings.Join(all, ",")
}

// maxSpans bounds what a command line may name.
const maxSpans = 64

// ParseMemory finds the spans on a command line.
func ParseMemory(cmdline string) ([]Span, error) {
	for _, w := range strings.Fields(cmdline) {
		list, ok := strings.CutPrefix(w, MemoryWord)
		if !ok {
			continue
		}
		var spans []Span
		for _, text := range strings.Split(list, ",") {
			size, at, _ := strings.Cut(text, "@")
			s := Span{}
			var err1, err2 error
			s.Size, err1 = strconv.ParseUint(size, 0, 64)
			s.At, err2 = strconv.ParseUint(at, 0, 64)
			if err1 != nil || err2 != nil || s.Size == 0 || s.Size > 1<<40 || s.At > 1<<52 || len(spans) == maxSpans {
				return nil, fmt.Errorf("%s: %q: want up to %d of SIZE@START, bytes", MemoryWord, text, maxSpans)
			}
			spans = append(spans, s)
		}
		return spans, nil
	}
	return nil, fmt.Errorf("no %s on the command line %q", MemoryWord, cmdline)
}
