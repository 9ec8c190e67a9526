/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a vCPU has in its registers and at the top of its stack, as far as a loop that does nothing can be told by it.
 */
#ifndef VUART_VCPU_H
#define VUART_VCPU_H

#include <stdbool.h>
#include <stdint.h>

#define VCPU_MAX 8
#define VCPU_REGS 16  /* general registers in gdb's order */
#define VCPU_RSP 7
#define VCPU_RIP 16
#define VCPU_STACK 64 /* qwords from RSP on */
#define VCPU_WORDS (VCPU_REGS + 1 + VCPU_STACK)
#define VCPU_IDLE (-1)

/* A halted one is all zeros but for RIP = VCPU_IDLE. */
struct vcpu_state {
	int64_t word[VCPU_WORDS];
};

extern void *vcpus[VCPU_MAX];
extern int vcpus_n;

bool vcpus_init(unsigned n);                  /* false: they are too many */
bool vcpu_read(int i, struct vcpu_state *s);  /* false: not in 64-bit mode, or the stack is not there */
/* s and the vCPU are moved on by k deltas. */
void vcpu_advance(int i, struct vcpu_state *s, const struct vcpu_state *delta, int64_t k);
/* Does the code around s read the time stamp counter? What cannot be read does. */
bool vcpu_reads_tsc(int i, const struct vcpu_state *s);

#endif
