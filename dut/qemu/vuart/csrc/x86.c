/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "x86.h"

#include <stddef.h>

void *isa_get_irq(void *dev, unsigned irq);
void *get_system_io(void);

void *board_irq(unsigned n)
{
	return isa_get_irq(NULL, n);
}

void *board_io(void)
{
	return get_system_io();
}
