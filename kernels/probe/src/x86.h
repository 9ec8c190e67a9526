/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the probe does on x86 in a way of its own: rings at an I/O port, dies, and enters the NMI gate. Another architecture brings a file
 * like this one. All of it is inline, so that a backtrace looks as if it were not here.
 */
#ifndef LASTPAGE_X86_H
#define LASTPAGE_X86_H

#include <linux/io.h>
#include <asm/desc.h>
#include <asm/nmi.h>

static inline void lp_door_write(ushort port, u32 word)
{
	outl(word, port);
}

/* The words at the doorbell, by their offset. */
static inline u32 lp_door_read(ushort port, int offset)
{
	return inl(port + offset);
}

static inline void lp_die_hang(void)
{
	for (;;)
		asm volatile("cli; hlt" : : : "memory");
}

static inline void lp_die_reset(void)
{
	outb(0x02, 0xcf9);	/* ICH9 reset control register: hard reset, then the 0 to 1 edge that does it */
	outb(0x06, 0xcf9);
	outb(0xfe, 0x64);	/* keyboard controller: pulse the reset line */
	lp_die_hang();
}

/* The worst end: a triple fault. */
static inline void lp_die_triple(void)
{
	static const struct desc_ptr none;

	asm volatile("lidt %0; int3" : : "m" (none));
	lp_die_hang();
}

/* Enters the gate of vector 2 as an NMI does. */
static inline void lp_raise_nmi(void)
{
	asm volatile("int $2" : : : "memory");
}

#endif
