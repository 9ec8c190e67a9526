/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VUART_SLICE_H
#define VUART_SLICE_H

#include "device.h"

void slice_init(struct device *d); /* before solo_init(), which looks for the same class */
void slice_run(bool run);
void slice_look(void);                           /* the guest has just looked at or written to the chip */
void slice_wrote(uint8_t v, uint64_t writes);    /* v to the data register; writes: to the transmitter, before that */
void slice_sleep(bool asleep);                   /* all vCPUs are halted, and the clock jumps before this is called with false */

#endif
