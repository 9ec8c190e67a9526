// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"
	"testing"
)

func TestPages(t *testing.T) {
	for s, want := range map[Span]Span{
		{At: 0x1a79e010, Size: 0x400}: {At: 0x1a79e000, Size: 0x1000},
		{At: 0x1000, Size: 0x1000}:    {At: 0x1000, Size: 0x1000},
		{At: 0x1ff0, Size: 0x20}:      {At: 0x1000, Size: 0x2000},
	} {
		if got := s.Pages(); got != want {
			t.Errorf("%+v: %+v, want %+v", s, got, want)
		}
	}
}

// What is put on a command line is found there again.
func TestMemoryParam(t *testing.T) {
	spans := []Span{{At: 0x17a00000, Size: 0x4500000}, {At: 0x1a79e000, Size: 0x1000}}
	got, err := ParseMemory("console=ttyS0 " + MemoryParam(spans) + " quiet")
	if err != nil || !slices.Equal(got, spans) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, line := range []string{"", "quiet", "lastpage.memory=", "lastpage.memory=0@0x1000", "lastpage.memory=0x1000", "lastpage.memory=x@1"} {
		if got, err := ParseMemory(line); err == nil {
			t.Errorf("%q: %+v", line, got)
		}
	}
}
