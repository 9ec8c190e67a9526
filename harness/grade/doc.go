// SPDX-License-Identifier: Apache-2.0

// Package grade says how complete the messages of one trial were at each
// stage: expected, stored, on the wire.
//
// In: the wire, the ringbuffer, the doorbell's events, and what a reference
// trial was expected to say. Out: a Grade: numbers for each section, a letter,
// or the reasons why the trial is void. It is a pure function of its input; a
// number that nobody measured is null, never 0.
//
// The sections (section.go has the rule):
//
//	boot     everything before the first record of the others
//	backlog  the probe's self-verifying records (kernels/plan)
//	warn     the provoked emergency, from its first line to its end trace
//	panic    from the first line of the NMI or the panic onwards
//	other    everything else: other origins' lines between and after them
package grade
