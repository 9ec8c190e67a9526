/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What only QEMU's x86 has, and what a PC does in a way of its own. Another architecture brings a file like this one.
 */
#ifndef VUART_X86_H
#define VUART_X86_H

#include <stdint.h>

/* QEMU, for fast-forward. */
int x86_cpu_gdb_read_register(void *cpu, void *byte_array, int reg);
int x86_cpu_gdb_write_register(void *cpu, uint8_t *from, int reg);

/* The interrupt line of that number. */
void *board_irq(unsigned n);
/* Where the chip's registers lie: the I/O ports. */
void *board_io(void);

#endif
