// SPDX-License-Identifier: Apache-2.0

package plan

import "fmt"

// Doorbell is where the guest rings: an I/O port or a physical address. Neither: the machine has none.
type Doorbell struct {
	Port    uint16
	Address uint64
}

func (d Doorbell) String() string {
	switch {
	case d.Address != 0 && d.Port != 0:
		return fmt.Sprintf("port %#x and address %#x", d.Port, d.Address)
	case d.Address != 0:
		return fmt.Sprintf("address %#x", d.Address)
	case d.Port != 0:
		return fmt.Sprintf("port %#x", d.Port)
	}
	return "none"
}
