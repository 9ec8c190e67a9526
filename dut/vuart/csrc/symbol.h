/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VUART_SYMBOL_H
#define VUART_SYMBOL_H

#include "device.h"

void symbols_init(struct device *d, uint64_t plugin_id);
void symbols_arm(struct device *d); /* before the VM runs */

#endif
