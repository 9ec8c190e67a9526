// SPDX-License-Identifier: Apache-2.0

package pattern

// Account is what the program at the far end of a line tells of it. What is null it does not know.
type Account struct {
	Sent     int64   `json:"sent"`     // bytes
	SentNS   int64   `json:"sent_ns"`  // how long that took, its last bit included
	Heard    *Result `json:"heard"`    // of the other direction; its first faults only
	HeardNS  *int64  `json:"heard_ns"` // from its first read to its last
	Overruns *int64  `json:"overruns"` // that its port counted meanwhile
	Framing  *int64  `json:"framing"`  // framing errors
	Parity   *int64  `json:"parity"`   // parity errors
	Port     string  `json:"port"`
}

// ToldFaults are as many as an account has room for.
const ToldFaults = 8
