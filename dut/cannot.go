// SPDX-License-Identifier: Apache-2.0

package dut

import "fmt"

// CannotError is a refusal: this board has no way to do what an order asks. It is said before anything boots, and it is nobody's fault:
// neither the kernel's nor the lab's.
type CannotError struct {
	Board string
	What  string // "an NMI at a byte", as a sentence goes on after "cannot do"
	Why   string
}

func (e *CannotError) Error() string {
	return fmt.Sprintf("board %s cannot do %s: %s", e.Board, e.What, e.Why)
}
