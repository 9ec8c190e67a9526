// SPDX-License-Identifier: Apache-2.0

// Package harness runs trials and judges them. A trial is one provocation on one board; a run is many trials of several strategies.
//
// The way of the data:
//
//  1. a Scenario and what was asked make a plan for the guest and triggers for the board (scenario.go);
//  2. the board runs until a trigger stops it (trial.go), while its wire goes to disk byte by byte (tap.go);
//  3. the ringbuffer is read out of its memory and kept as ring.elf (collect.go);
//  4. from then on everything is a pure function of the trial's folder: Regrade reads it back and grades it (regrade.go);
//  5. a run repeats void trials, and compares strategies by the grades of the rest (run.go).
package harness
