// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"
	"fmt"
)

// Doorbell is where the guest rings: an I/O port or a physical address. Neither: the machine has none. In JSON a port is a bare number.
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

// address is a doorbell's JSON where it is no port.
type address struct {
	Address uint64 `json:"address"`
}

// MarshalJSON implements json.Marshaler.
func (d Doorbell) MarshalJSON() ([]byte, error) {
	switch {
	case d.Address == 0:
		return json.Marshal(d.Port)
	case d.Port == 0:
		return json.Marshal(address{d.Address})
	}
	return nil, fmt.Errorf("doorbell %s: want one place", d)
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *Doorbell) UnmarshalJSON(b []byte) error {
	var a address
	var port uint16
	if err := json.Unmarshal(b, &port); err == nil {
		*d = Doorbell{Port: port}
		return nil
	}
	if err := json.Unmarshal(b, &a); err != nil || a.Address == 0 {
		return fmt.Errorf("doorbell %s: want the number of a port, or {\"address\": N}", b)
	}
	*d = Doorbell{Address: a.Address}
	return nil
}
