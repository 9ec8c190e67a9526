// SPDX-License-Identifier: Apache-2.0

// Package align finds out which bytes of the wire came from which printk
// record, and so what became of every record.
//
// In: the wire's bytes, the records of the ringbuffer (capture/ring) and how
// the kernel formats them (ring.ConsoleOpts, Detect finds it out). Out: one
// Entry for every record, and Pieces that say of every byte of the wire, once,
// where it came from.
//
// The steps:
//
//  1. units: what the console sends for a record, cut into lines (image.go).
//  2. whole lines of the wire that are a unit byte for byte; a line that only
//     one unit can have made is an anchor, the others follow their neighbours
//     (whole.go).
//  3. what is left of the wire is searched for records that begin inside a
//     line, for torn and garbled ones, for what the console code says on its
//     own account, and for records that the ring no longer has (rest.go).
//  4. occurrences are put together and judged (fate.go).
//
// The order of records on the wire is a preference, never a law: a console
// may be replayed, or send an emergency's records before the backlog.
// Everything is deterministic and bounded by the size of the input times a
// constant, whatever the bytes are.
package align
