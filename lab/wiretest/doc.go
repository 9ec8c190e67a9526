// SPDX-License-Identifier: Apache-2.0

// Package wiretest proves on the user's own machine that the wire is what it claims to be: a line with a real baud rate that loses nothing.
//
// Data comes in as the kernels' catalogue and what to test, and goes out as a Report: facts, each with what was wanted, what was measured
// and a verdict. Guests are started through dut/qemu, or, where the test is about the far end of the line (typing at a shell, at a boot
// loader, QEMU's own UART), by console.go. A guest ends by a trigger in virtual time; deadlines in host time only guard against a hung host.
package wiretest
