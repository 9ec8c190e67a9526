/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SYMBOL triggers: count executions of one guest instruction. Only that instruction is instrumented, and nothing at all when
 * no trigger asks for it.
 *
 * The instruction runs in the middle of a translated block, where neither the clock may be read nor the big lock is held.
 * So the hit that matters makes the vCPU leave at the end of that block, and the trigger fires there: a few instructions late
 * (at the first jump, call or page end), always the same ones. Hits that do not fire anything do not disturb the vCPU.
 */
#ifndef VUART_SYMBOL_H
#define VUART_SYMBOL_H

#include "device.h"

void symbols_init(struct device *d, uint64_t plugin_id);
void symbols_arm(void); /* before the VM runs: the table may be another one */

#endif
