// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// VMCoreInfo is what a kernel says about its own layout (kernel/vmcore_info.c): lines of KEY=VALUE.
type VMCoreInfo struct {
	Text     []byte // as found, up to the first NUL
	Release  string // OSRELEASE
	PageSize uint64 // bytes
	// Cut: the kernel's buffer was full and its last line is incomplete; that line was left out.
	Cut bool

	symbols map[string]uint64
	numbers map[string]uint64 // SIZE(x), OFFSET(x), LENGTH(x), NUMBER(x) by their whole key; NUMBER is a signed value's bits
	other   map[string]string
}

const (
	// maxVMCoreInfo bounds the text, bytes. VMCOREINFO_BYTES is one page: 4 KiB on x86_64, 64 KiB on the largest page size.
	maxVMCoreInfo = 64 << 10
	// maxLine bounds one line, bytes. The kernel formats each in a buffer of 80 (vmcoreinfo_append_str); files written by
	// makedumpfile -g have longer names.
	maxLine = 512
)

// ParseVMCoreInfo reads the text, which ends at the first NUL or with b. An error names the line.
func ParseVMCoreInfo(b []byte) (*VMCoreInfo, error) {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	switch {
	case len(b) == 0:
		return nil, fmt.Errorf("parse VMCOREINFO: it is empty")
	case len(b) > maxVMCoreInfo:
		return nil, fmt.Errorf("parse VMCOREINFO: %d bytes, at most %d are plausible", len(b), maxVMCoreInfo)
	}
	v := &VMCoreInfo{
		Text:    bytes.Clone(b),
		symbols: make(map[string]uint64),
		numbers: make(map[string]uint64),
		other:   make(map[string]string),
	}
	for n := 1; len(b) > 0; n++ {
		line, rest, whole := bytes.Cut(b, []byte{'\n'})
		b = rest
		err := v.line(string(line))
		if !whole && (err != nil || len(v.Text)%4096 == 0) {
			v.Cut = true // the text ends inside a line
			break
		}
		if err != nil {
			return nil, fmt.Errorf("parse VMCOREINFO line %d: %w", n, err)
		}
	}
	v.Release = v.other["OSRELEASE"]
	if v.Release == "" {
		return nil, fmt.Errorf("parse VMCOREINFO: no OSRELEASE")
	}
	page, err := strconv.ParseUint(v.other["PAGESIZE"], 10, 32)
	if err != nil || page < 4096 || page > 64<<10 || page&(page-1) != 0 {
		return nil, fmt.Errorf("parse VMCOREINFO: PAGESIZE=%q is no page size", v.other["PAGESIZE"])
	}
	v.PageSize = page
	return v, nil
}

func (v *VMCoreInfo) line(s string) error {
	if s == "" {
		return nil
	}
	if len(s) > maxLine {
		return fmt.Errorf("%d bytes long, at most %d are plausible", len(s), maxLine)
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return fmt.Errorf("byte 0x%02x at column %d is not text", s[i], i+1)
		}
	}
	key, val, ok := strings.Cut(s, "=")
	if !ok || key == "" {
		return fmt.Errorf("%.40q is not KEY=VALUE", s)
	}
	kind, name, ok := strings.Cut(key, "(")
	if !ok {
		v.other[key] = val
		return nil
	}
	if !strings.HasSuffix(name, ")") || len(name) < 2 {
		return fmt.Errorf("%.40q is not KIND(name)", key)
	}
	var n uint64
	var err error
	switch kind {
	case "SYMBOL":
		if n, err = strconv.ParseUint(strings.TrimPrefix(val, "0x"), 16, 64); err == nil {
			v.symbols[strings.TrimSuffix(name, ")")] = n
		}
	case "SIZE", "OFFSET", "LENGTH":
		if n, err = strconv.ParseUint(val, 10, 64); err == nil {
			v.numbers[key] = n
		}
	case "NUMBER":
		if n, err = parseNumber(val); err == nil {
			v.numbers[key] = n
		}
	default:
		v.other[key] = val
	}
	if err != nil {
		return fmt.Errorf("%s=%.40q is not a number", key, val)
	}
	return nil
}

// parseNumber reads what the kernel writes for NUMBER(): %ld, or 0x%lx.
func parseNumber(s string) (uint64, error) {
	if h, ok := strings.CutPrefix(s, "0x"); ok {
		return strconv.ParseUint(h, 16, 64)
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return uint64(n), nil
	}
	return strconv.ParseUint(s, 10, 64)
}

// Symbol gives the run-time virtual address of a kernel symbol.
func (v *VMCoreInfo) Symbol(name string) (uint64, bool) { n, ok := v.symbols[name]; return n, ok }

// Number gives NUMBER(name), SIZE(name), OFFSET(name) or LENGTH(name) by its whole key.
func (v *VMCoreInfo) Number(key string) (uint64, bool) { n, ok := v.numbers[key]; return n, ok }

// Value gives a plain KEY=VALUE, such as KERNELOFFSET or BUILD-ID.
func (v *VMCoreInfo) Value(key string) (string, bool) { s, ok := v.other[key]; return s, ok }

// KernelOffset is by how much KASLR moved the kernel (KERNELOFFSET).
func (v *VMCoreInfo) KernelOffset() (uint64, bool) {
	n, err := strconv.ParseUint(v.other["KERNELOFFSET"], 16, 64)
	return n, err == nil
}

// sameKernel says whether two texts are copies of one; a crash appends CRASHTIME to the note's copy.
func (v *VMCoreInfo) sameKernel(o *VMCoreInfo) bool {
	a, b := v.Text, o.Text
	if len(a) > len(b) {
		a, b = b, a
	}
	return bytes.HasPrefix(b, a)
}
