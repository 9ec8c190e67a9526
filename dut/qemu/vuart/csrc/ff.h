/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fast-forward: while the guest does nothing but poll LSR, most of its polls can be left out without changing anything that it,
 * the line or a timer could see. It is loop acceleration, not a guess. A stretch is skipped only if
 *   - the last polls read the same value at equal distances, and nothing else of the device was touched in between;
 *   - between them, registers and the top of the stack of the polling vCPU changed by the same amounts, and only by nothing, by
 *     the time that passed (a left-over of the TSC), or by -1 (a count of polls);
 *     (one such interval is enough where it is that of a loop which was left out before, at the same place of the stack, or its
 *     first one as begin.h knows it; with another vCPU at work only of the last such loop);
 *   - every other vCPU is halted without work, or its registers, instruction pointer and stack did not change at all (a spin).
 * Then k whole periods are left out: counters and time stamps are advanced by k deltas, the clock by k periods. k is such that
 * LSR would still read the same, no timer would have been due, no counter gets below 2 (or below 1, where the loop was seen to poll
 * once more with that), and the clock does not pass a value that lies about in those registers and stacks (a deadline). So the guest meets its own time-outs by itself, in the same phase.
 *
 * What it cannot see: a counter in global memory or deeper in the stack than the window, state in FPU or system registers.
 * Hence the acceptance run of every kernel: plain against fast, bytes and times equal.
 */
#ifndef VUART_FF_H
#define VUART_FF_H

#include "device.h"

void ff_init(struct device *d, bool wanted);
void ff_access(struct device *d, bool lsr, uint8_t v); /* after every access to the device; v: what LSR read */
void ff_move(int64_t ns);                              /* moves the virtual clock, and counts it */
void ff_forget(void);                                  /* the VM stands, or something else than its polls goes on */

#endif
