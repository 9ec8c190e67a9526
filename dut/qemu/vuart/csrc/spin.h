/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fast-forward where no vCPU does anything but wait: a panicked kernel delays for ever on one of them, and the others spin or are
 * halted. Under icount each PAUSE is a turn, so that such a wait costs more of the host's time than the flush before it.
 *
 * It is ff.c's loop acceleration, with a round of turns in place of a poll. Rounds are left out only if
 *   - the last ones, counted from the turns of vCPU 0, took equal times, and the chip was not touched and no watched symbol met in them;
 *   - between the last three, registers, instruction pointer and top of the stack of every vCPU changed by the same amounts, and
 *     only by nothing or by the time of the round (what was read of the TSC);
 *   - a round has no more instructions than such loops have, and where the code around a vCPU's instruction pointer reads the TSC, what it
 *     read is in sight.
 * No timer becomes due in what is left out, and nothing that grows with time comes to a value that lies about, in all bits or
 * in the low 32 of either: the guest meets the end of its delay by itself, in the same phase. The clock is moved where a turn begins,
 * before QEMU works out how long that may last.
 */
#ifndef VUART_SPIN_H
#define VUART_SPIN_H

#include "device.h"

void spin_init(struct device *d);
bool spin_turn(int64_t t); /* a turn of current_cpu begins at t; true: the clock was moved */
void spin_forget(void);    /* something else goes on */

#endif
