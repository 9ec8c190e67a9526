/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VUART_SOLO_H
#define VUART_SOLO_H

#include <stdbool.h>

bool solo_init(void); /* false: this QEMU is not built like that, or there is no icount */
void solo_run(bool run);
bool vcpu_idle(void *cpu); /* halted with nothing to do; QEMU's cpu_thread_is_idle() may not say so any more */
void **accel_slot(const char *function); /* the member of the accelerator's class that is this function of QEMU's; NULL: none */

#endif
