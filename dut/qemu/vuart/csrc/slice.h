/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VUART_SLICE_H
#define VUART_SLICE_H

#include "device.h"

void slice_init(struct device *d);
void slice_look(struct device *d); /* the guest has just looked at or written to the chip */

#endif
