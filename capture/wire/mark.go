// SPDX-License-Identifier: Apache-2.0

package wire

import "fmt"

// Clock names what the times of a log count. Times of different clocks, or of
// two captures on the same clock, are never compared.
type Clock string

const (
	// NoClock: the bytes have no times (a bare wire file without an index).
	NoClock Clock = "none"
	// Virtual is the guest's virtual time in QEMU, in ns: exact, one per byte.
	Virtual Clock = "virtual"
	// Monotonic is the host's CLOCK_MONOTONIC, in ns: the moment a read
	// returned, shared by all bytes of that read. It is late by the UART's
	// FIFO time-out, the kernel's tty buffer and the scheduler.
	Monotonic Clock = "monotonic"
)

// Frame is the line setting a capture was made with. Zero fields are unknown.
type Frame struct {
	Baud int `json:"baud"` // bits per second on the line
	Bits int `json:"bits"` // bits of one frame: start + data + parity + stop; 10 for 8N1
}

// ByteNS is the time of one frame in ns, rounded down, or 0 when unknown.
func (f Frame) ByteNS() int64 {
	if f.Baud <= 0 || f.Bits <= 0 {
		return 0
	}
	return int64(f.Bits) * 1e9 / int64(f.Baud)
}

// MarkKind says what happened at an offset that was not a plain byte.
type MarkKind uint8

const (
	// MarkGap: the tap was blind (unplugged cable, reader lost the writer).
	// Count is the time of blindness in ns, 0 when unknown.
	MarkGap MarkKind = 1 + iota
	// MarkOverrun: bytes were lost on our side. Count is how many, if known.
	MarkOverrun
	// MarkFraming, MarkParity: the byte at Off was received in error.
	MarkFraming
	MarkParity
	// MarkBreak: a break condition was seen on the line.
	MarkBreak
	// MarkReset: the device under test reset its UART.
	MarkReset
)

func (k MarkKind) String() string {
	switch k {
	case MarkGap:
		return "gap"
	case MarkOverrun:
		return "overrun"
	case MarkFraming:
		return "framing error"
	case MarkParity:
		return "parity error"
	case MarkBreak:
		return "break"
	case MarkReset:
		return "reset"
	}
	return fmt.Sprintf("mark %d", uint8(k))
}

// Lossy reports whether a mark of this kind means that bytes may be missing or
// wrong through the fault of the capture. A capture with one is void.
func (k MarkKind) Lossy() bool {
	return k == MarkGap || k == MarkOverrun || k == MarkFraming || k == MarkParity
}

// Mark is one event between bytes: it lies before the byte at Off.
type Mark struct {
	Off   int64    // offset in the log
	NS    int64    // time on the log's clock
	Kind  MarkKind //
	Count uint64   // meaning depends on Kind
}
