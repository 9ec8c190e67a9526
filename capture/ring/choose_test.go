// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// What a kernel's own log says of its role.
func TestRoleOf(t *testing.T) {
	for _, c := range []struct {
		want  role
		lines []string
	}{
		{anyKernel, []string{"Linux version 6.12", "Kernel command line: console=ttyS0 quiet"}},
		{crashedKernel, []string{"Command line: root=/dev/vda crashkernel=256M console=ttyS0"}},
		{crashedKernel, []string{"Reserving 256MB of memory at 512MB for crashkernel (System RAM: 1023MB)"}},
		{crashedKernel, []string{"crashkernel reserved: 0x000000002f000000 - 0x000000003f000000 (256 MB)"}},
		{captureKernel, []string{"Kernel command line: root=/dev/vda crashkernel=256M elfcorehdr=0x2effb000"}},
		{captureKernel, []string{"Reserving 4 KiB of memory at 0x7f000000 for elfcorehdr"}},
		{anyKernel, []string{"systemd[1]: started with crashkernel= elfcorehdr=", "my elfcorehdr=1 Command line: crashkernel=1"}},
	} {
		log := &Log{}
		for _, l := range c.lines {
			log.Records = append(log.Records, Record{Text: []byte(l)})
		}
		if got := roleOf(log); got != c.want {
			t.Errorf("%q: role %d, want %d", c.lines, got, c.want)
		}
	}
}

// Which of several kernels is meant. The n-th lies at address 0x1000*n and has a symbol at 0x1000*n+1.
func TestAmong(t *testing.T) {
	const ambiguous, none = -1, -2
	old, crashed, capture := anyKernel, crashedKernel, captureKernel
	for _, c := range []struct {
		ask   string
		roles []role
		want  int
	}{
		{"", []role{old}, 0},
		{"", []role{capture}, 0}, // the small core of a capture kernel
		{"", []role{crashed, capture}, 0},
		{"crashed", []role{capture, crashed}, 1},
		{"", []role{capture, old}, 1}, // the beginning of its log was overwritten
		{"", []role{old, crashed}, 1},
		{"", []role{old, old}, ambiguous},
		{"", []role{crashed, crashed}, ambiguous}, // a boot before a reset
		{"", []role{crashed, capture, crashed}, ambiguous},
		{"", []role{capture, old, old}, ambiguous},
		{"capture", []role{crashed, capture}, 1},
		{"capture", []role{crashed, old}, 1},
		{"capture", []role{crashed}, none},
		{"capture", []role{old}, none},
		{"capture", []role{old, old}, none},
		{"capture", []role{capture, capture}, ambiguous},
		{"capture", []role{crashed, old, old}, ambiguous},
		{"0x2000", []role{old, old}, 1},
		{"0x1001", []role{old, old}, 0},
		{"0x3000", []role{old, old}, none},
		{"0x1500", []role{old, old}, 0},      // another copy of the first one's
		{"0x7", []role{old, old}, ambiguous}, // a symbol of both
	} {
		want, err := parseKernel(c.ask)
		if err != nil {
			t.Fatal(err)
		}
		var all []*kernel
		for i, r := range c.roles {
			at := int64(i+1) * 0x1000
			info := &VMCoreInfo{Release: fmt.Sprint(i), symbols: map[string]uint64{"prb": uint64(at) + 1, "same": 7}}
			all = append(all, &kernel{rd: &Reader{info: info}, role: r, at: at, copies: []int64{at + 0x500}})
		}
		k, err := want.among(all)
		got := none
		switch amb := (*AmbiguousError)(nil); {
		case err == nil:
			for i := range all {
				if all[i] == k {
					got = i
				}
			}
		case errors.As(err, &amb):
			got = ambiguous
		case !strings.HasPrefix(err.Error(), "choose a kernel: "):
			t.Errorf("%q of %v: %v", c.ask, c.roles, err)
		}
		if got != c.want {
			t.Errorf("%q of %v: %d (%v), want %d", c.ask, c.roles, got, err, c.want)
		}
	}
}

// A kernel's text lies in its memory twice, in the note and in the page that it was put together in; either place names it.
func TestCopiesOfOneKernel(t *testing.T) {
	short, long := &VMCoreInfo{Text: []byte("a"), Release: "6.1"}, &VMCoreInfo{Text: []byte("a, CRASHTIME"), Release: "6.1"}
	all := addCandidate(nil, Candidate{Offset: 0x1000, Info: short})
	all = addCandidate(all, Candidate{Offset: 0x2000, Info: long})
	all = addCandidate(all, Candidate{Offset: 0x3000, Info: short})
	if len(all) != 1 || all[0].Offset != 0x2000 || len(all[0].copies) != 2 || all[0].copies[0] != 0x1000 || all[0].copies[1] != 0x3000 {
		t.Errorf("candidates %+v", all)
	}
}
