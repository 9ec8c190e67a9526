// SPDX-License-Identifier: Apache-2.0

// Package wire holds what left a UART: bytes with the time at which each one
// ended, and marks for everything that was not a byte (a gap, a break, a
// framing error, an overrun).
//
// In: one writer. For QEMU that is the reader of the virtual UART's shared
// page (a virtual time for every byte), for a real port the goroutine that
// owns it (a monotonic time for every read), or Load, from the files of an
// earlier trial.
// Out: Log, which any number of readers follow while it grows (Wait, Expect,
// the console view), and the files wire.bin and wire.idx, which Load reads
// back. Alignment and grading read the Log once it is closed.
//
// Nothing here changes a byte: no UTF-8 decoding, no stripping of \r or
// escapes, no newline added to a last line that has none.
package wire
