// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"lastpage/dut/qemu/vuart"
)

// Setup is a board of kind qemu as the inventory describes it. Open turns it and a payload into a running board.
type Setup struct {
	Name        string
	Binary      string // "": qemu-system-x86_64
	Mode        Mode
	CPUs        int
	MemMiB      int
	Shift       int
	Seed        uint64
	Later       time.Duration // the guest's wall clock is ahead by so much at power-on
	Baud        int           // of the line; above 115200 the model's clock is scaled, as the guest cannot ask for more
	FastForward bool
	Snapshot    bool // trials start from a snapshot of the armed guest instead of a boot
}

// Payload is what a board boots.
type Payload struct {
	Kernel  string // path of the bzImage
	Initrd  []byte
	Cmdline string
}

// key is the same for payloads that boot alike on this setup.
func (p *Payload) key(s *Setup) string {
	h := sha256.New()
	fmt.Fprintf(h, "%+v\x00%s\x00%s\x00", *s, p.Kernel, p.Cmdline)
	h.Write(p.Initrd)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Check says what cannot be.
func (s *Setup) Check() error {
	if s.Mode != Exact && s.Mode != Concurrent {
		return fmt.Errorf("wire %q: want exact or concurrent (QEMU's own UART has no baud rate: nothing on it could be graded)", s.Mode)
	}
	if s.Mode != Exact && (s.FastForward || s.Snapshot) {
		return errors.New("fast-forward and snapshots need the exact wire")
	}
	return nil
}

// fits says what a QEMU in which the model has proved itself lacks for s.
func (s *Setup) fits(fit vuart.Fitness) error {
	if s.Mode == Exact && s.CPUs > 1 && !fit.FairTurns {
		return fmt.Errorf("%s: the turns of several CPUs cannot be made fair in it, so that every trial would be void: take 1 CPU, or Debian's qemu-system-x86, 7.2 or 10.0",
			fit.Version)
	}
	return nil
}
