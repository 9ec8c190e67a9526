// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"fmt"
	"strconv"
	"strings"
)

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
	for _, at := range append(k.copies[:len(k.copies):len(k.copies)], k.at) {
		if at >= 0 && uint64(at) == w.addr {
			return true
		}
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
