// SPDX-License-Identifier: Apache-2.0

package dut

import (
	"bytes"
	"encoding/json"
)

// Offset is a number of bytes that had left the UART. Unknown is null in JSON.
type Offset int64

// Unknown is the offset that nobody saw.
const Unknown Offset = -1

// Known says whether somebody saw it.
func (o Offset) Known() bool { return o >= 0 }

// MarshalJSON implements json.Marshaler.
func (o Offset) MarshalJSON() ([]byte, error) {
	if !o.Known() {
		return []byte("null"), nil
	}
	return json.Marshal(int64(o))
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *Offset) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		*o = Unknown
		return nil
	}
	return json.Unmarshal(data, (*int64)(o))
}

// Source says who saw a moment.
type Source string

const (
	Doorbell Source = "doorbell" // the guest rang it, and the board stood by
	Model    Source = "model"    // the board itself, which makes the wire
	OnWire   Source = "wire"     // a line on the console says so
	Host     Source = "host"     // the harness's clock, when it acted
)

// Moment is when something happened, who saw it, and how wrong that may be.
type Moment struct {
	NS            int64  `json:"ns"`        // on the wire's clock
	WireByte      Offset `json:"wire_byte"` // bytes that had left the UART
	Source        Source `json:"source"`
	UncertaintyNS int64  `json:"uncertainty_ns"` // it was at most so much earlier or later
}
