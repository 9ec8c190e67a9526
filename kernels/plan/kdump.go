// SPDX-License-Identifier: Apache-2.0

package plan

import "strings"

// Kdump is a crash kernel that the init loads (kexec_file_load(2)) before it reports: what lies in the initramfs, and how it is booted.
type Kdump struct {
	Kernel  string `json:"kernel"`
	Initrd  string `json:"initrd"`
	Cmdline string `json:"cmdline"`
}

// Where an initramfs has the files of a Kdump.
const (
	CrashKernel = "/lastpage/crash/kernel"
	CrashInitrd = "/lastpage/crash/initrd"
)

// Offer is what the init of a crash kernel does, and nothing else: it calls a TCP port and offers the memory of the kernel that died,
// /proc/vmcore, to whoever answers. The init of a kernel that was started after a reset offers what its command line names (MemoryParam).
//
// It says "lastpage-vmcore SIZE\n". From then on it is asked: 16 bytes, an offset and a length (big endian, bytes); it answers with 8 bytes
// that are the number of bytes that follow, or minus the errno of what failed, and these bytes. A length of 0 ends it, as does the end of
// the connection; after the latter it calls again.
type Offer struct {
	To      string `json:"to"`                // HOST:PORT, an IPv4 address
	Address string `json:"address"`           // of this machine, with the bits of its network: 10.0.2.15/24
	Gateway string `json:"gateway,omitempty"` // "": To is in that network
	// Kept: there was a reset, and the memory is what the command line names of /dev/mem, as an ELF core.
	Kept bool `json:"kept,omitempty"`
}

// OfferWord begins what an Offer says first.
const OfferWord = "lastpage-vmcore"

// MaxOffer bounds what is asked for at a time, bytes.
const MaxOffer = 1 << 20

func (k *Kdump) validate(bad func(string, ...any)) {
	for _, f := range []string{k.Kernel, k.Initrd} {
		if !strings.HasPrefix(f, "/") {
			bad("kdump: file %q: want an absolute path", f)
		}
	}
	if k.Cmdline == "" || strings.ContainsAny(k.Cmdline, "\x00\n") {
		bad("kdump: cmdline %q: want one line", k.Cmdline)
	}
}

func (o *Offer) validate(bad func(string, ...any)) {
	if _, _, err := ParseAddr(o.To, ':', 1<<16-1); err != nil {
		bad("offer: to: %w", err)
	}
	if _, _, err := ParseAddr(o.Address, '/', 32); err != nil {
		bad("offer: address: %w", err)
	}
	if o.Gateway != "" {
		if _, err := ParseIPv4(o.Gateway); err != nil {
			bad("offer: gateway: %w", err)
		}
	}
}
