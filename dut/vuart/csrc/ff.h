/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VUART_FF_H
#define VUART_FF_H

#include "device.h"

void ff_init(struct device *d, bool wanted);
void ff_access(struct device *d, bool lsr, uint8_t v); /* after every access to the device */

#endif
