// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
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
