// SPDX-License-Identifier: Apache-2.0

package ring

import "fmt"

// State is the state of a descriptor as kernel/printk/printk_ringbuffer.h has it, with Miss for a descriptor whose id is not the
// one that was asked for.
type State uint8

const (
	// Reserved: a writer was at work. At the time of death it never finished; text may be there, in part or whole.
	Reserved State = iota
	// Committed: complete, but the writer may still reopen it (the last line had no newline).
	Committed
	// Finalized: complete for good. Only these are read by the kernel's own readers.
	Finalized
	// Reusable: its data was given up to make room (overwritten).
	Reusable
	// Miss: the slot holds another id: between the moment head_id moved and the moment the slot was claimed.
	Miss
)

var stateNames = [...]string{"reserved", "committed", "finalized", "reusable", "miss"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// Stored says whether the record's text was completely stored (what vmcore-dmesg prints).
func (s State) Stored() bool { return s == Committed || s == Finalized }

// Data says where a record's text is.
type Data uint8

const (
	// DataText: in its block.
	DataText Data = iota
	// DataEmpty: an empty line has no block (EMPTY_LINE_LPOS, NO_LPOS before 6.6).
	DataEmpty
	// DataFailed: the kernel found no room for the block (FAILED_LPOS): the text was never stored.
	DataFailed
	// DataLost: the block was overwritten, does not carry the record's id, or its position cannot be true.
	DataLost
	// DataNone: no block is known yet (reserved descriptors).
	DataNone
)

var dataNames = [...]string{"text", "empty", "failed", "lost", "none"}

func (d Data) String() string {
	if int(d) < len(dataNames) {
		return dataNames[d]
	}
	return fmt.Sprintf("data(%d)", uint8(d))
}

// Flags of a record: enum printk_info_flags in kernel/printk/internal.h.
const (
	FlagForceCon = 1 // LOG_FORCE_CON, since 6.13: printed whatever its level
	FlagNewline  = 2 // LOG_NEWLINE: the text ended with a newline (which is not stored)
	FlagCont     = 8 // LOG_CONT: a fragment of a continued line
)

// callerCPU marks a caller_id that is a CPU number (not in task context); otherwise it is a pid.
const callerCPU = 0x80000000

// Record is one printk record. Seq is always known: where the descriptor has no valid info (Reserved, Miss) it follows from the
// descriptor's id.
type Record struct {
	Seq       uint64
	TsNsec    uint64 // local_clock(), ns since boot
	Facility  uint8  // 0 kernel, others through /dev/kmsg
	Level     uint8  // 0 emerg ... 7 debug
	Flags     uint8  // FlagNewline, FlagCont, FlagForceCon
	Caller    uint32 // printk_info.caller_id as stored: pid, or CPU | 1<<31
	State     State
	Data      Data
	TextLen   int    // printk_info.text_len as stored, bytes; larger than len(Text) if the block cannot hold it
	Text      []byte // without the trailing newline; may hold newlines and any bytes
	Subsystem string // dev_printk_info.subsystem
	Device    string // dev_printk_info.device
}

// CallerString is the caller as the kernel prints it: "T<pid>" or "C<cpu>" (print_caller in printk.c).
func (r *Record) CallerString() string {
	if r.Caller&callerCPU != 0 {
		return fmt.Sprintf("C%d", r.Caller&^callerCPU)
	}
	return fmt.Sprintf("T%d", r.Caller)
}

// Truncated says that the record claims more text than its block can hold.
func (r *Record) Truncated() bool { return r.Data == DataText && r.TextLen > len(r.Text) }
