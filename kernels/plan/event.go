// SPDX-License-Identifier: Apache-2.0

package plan

import "fmt"

// DoorbellPort is the I/O port of a PC on which the guest tells the machine model where it is. One 32-bit OUT of Word(code, arg);
// nothing of it reaches the serial line. A plan without a doorbell keeps silent.
const DoorbellPort = 0x5e8

// Code is an event of the doorbell. The numbers are the same in kernels/probe/src/event.h and in the crash stub.
type Code uint8

const (
	Armed         Code = 1  // the init is ready; everything is set and read back
	BacklogBegin  Code = 2  // the first record of the backlog is about to be stored; arg = records to come
	BacklogStored Code = 3  // the last one is stored; arg = records
	Provoked      Code = 4  // the provocation follows; arg = its number (ProvokeArg)
	ProvokeDone   Code = 5  // the machine survived it
	PanicCall     Code = 6  // panic() is called by the probe
	NotifierFirst Code = 7  // the first panic notifier runs
	NotifierLast  Code = 8  // the last one runs
	KmsgDump      Code = 9  // a kmsg dumper runs; arg = reason (enum kmsg_dump_reason)
	CrashExec     Code = 10 // the first instructions of the crash kernel
	Die           Code = 11 // hang or reset follows; arg = step (StepArg)
	Mark          Code = 12 // arg says what
)

// Arguments of Mark. The probe uses no others; they are free for whoever else can ring.
const (
	MarkNested     = 1 // trouble inside a panic begins
	MarkNestedDone = 2 // it is over, and was survived
	MarkPanicEnd   = 3 // panic() has come to its final loop: everything that it flushes is flushed
)

// Word is what is written to the port: an 8-bit code and a 24-bit argument.
func Word(c Code, arg uint32) uint32 { return uint32(c) | arg<<8 }

// Split takes a word from the port apart. Any word is valid.
func Split(w uint32) (Code, uint32) { return Code(w), w >> 8 }

var codeNames = [...]string{Armed: "armed", BacklogBegin: "backlog-begin", BacklogStored: "backlog-stored", Provoked: "provoke",
	ProvokeDone: "provoke-done", PanicCall: "panic-call", NotifierFirst: "notifier-first", NotifierLast: "notifier-last",
	KmsgDump: "kmsg-dump", CrashExec: "crash-exec", Die: "die", Mark: "mark"}

func (c Code) String() string {
	if int(c) < len(codeNames) && codeNames[c] != "" {
		return codeNames[c]
	}
	return fmt.Sprintf("code-%d", uint8(c))
}

// ProvokeArg is the number of a provocation in the argument of Provoked and in the probe's parameter; -1 if unknown.
func ProvokeArg(p Provoke) int { return index(Provokes(), p) }

// StepArg is the number of a step in the argument of Die and in the probe's parameter: 0 = none; -1 if unknown.
func StepArg(s Step) int { return index(append([]Step{StepNone}, Steps()...), s) }

// ContextArg is the number of a context in the probe's parameter; -1 if unknown.
func ContextArg(c Context) int { return index([]Context{ContextThread, ContextIRQ, ContextNMI}, c) }

// DeathArg is the number of a death in the probe's parameter; -1 if unknown.
func DeathArg(d Death) int {
	if d == "" {
		return 0
	}
	return index([]Death{DeathHang, DeathReset, DeathTriple}, d)
}

// NestedArg is the number of a nested misfortune in the probe's parameter; -1 if unknown.
func NestedArg(n Nested) int {
	return index([]Nested{NestedNone, NestedWarn, NestedOops, NestedPanicOther}, n)
}

func index[T comparable](list []T, v T) int {
	for i, e := range list {
		if e == v {
			return i
		}
	}
	return -1
}
