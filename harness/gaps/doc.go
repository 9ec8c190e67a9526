// SPDX-License-Identifier: Apache-2.0

// Package gaps measures how steadily a line ran inside records.
//
// In: spans of a wire that one record each left, and the end of every frame. Out: a Pace, the mean rate and the gaps. A driver that has a
// record to send keeps the line busy from its first byte to its last; where the line idled in between, either the driver did something
// else, or its CPU was kept from running. The median of the rates inside records shows neither, so this is the mean, and every gap counts.
// It is a pure function of its input.
package gaps
