// SPDX-License-Identifier: Apache-2.0

package dut

import "fmt"

// BoardError: the board failed before its kernel had a say: its console, its power, its loader. It is the lab's fault.
type BoardError struct {
	Board string
	Err   error // begins with the first cause
}

func (e *BoardError) Error() string { return fmt.Sprintf("board %s: %v", e.Board, e.Err) }
func (e *BoardError) Unwrap() error { return e.Err }
