// SPDX-License-Identifier: Apache-2.0

// Package pattern is a stream of bytes that verifies itself: each frame has its number, its contents follow from that, and it ends with a
// checksum. Who receives any stretch of it can say which bytes were lost, changed, doubled or inserted, and where.
//
// In: the bytes of a Stream, as they came over a line. Out: a Result. It is pure and uses the standard library only, because the program that
// calibrates a board's line compiles it too.
package pattern
