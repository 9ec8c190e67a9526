// SPDX-License-Identifier: Apache-2.0

// Package foreign examines a wire that lastpage did not record, before it is
// judged.
//
// In: the bytes that somebody's logger left, and the log of a dump if there is
// one. Out: what was found (Capture, the "capture" section of a grade), and the
// bytes of the one boot that is to be judged, as the UART sent them as far as
// that can be restored (Exam.Text).
//
// The rules are about shapes, not about loggers: what stands before most of the
// kernel's lines in one constant shape was put there, whoever did it. What was
// changed is undone for matching only, and named. What was taken away stays
// unknown.
//
// The steps: line ends and control sequences (lines.go), what stands before and
// after lines (frame.go), lines that were wrapped (wrap.go), boots (boots.go),
// whose dump it is (pair.go), formats that change in the middle (formats.go),
// console_loglevel (level.go).
package foreign
