/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first poll of a known loop. A driver that waits in many short loops begins one after the other. Its registers still hold what
 * came before the loop, so the first poll changes the machine in another way than the later ones.
 *
 * Two polls are looked at: the one with which the loop began, and the one after it, from which on each poll changed what all do in it.
 * After two such pairs with the same distance it is known what the first poll changes: each word of the state by the same amount, or to
 * the same value. Two later polls are such a pair if LSR reads the same, their distance is the same, the second changed just that, and
 * each word of the first is what it was then, has grown by the time that passed since, or was itself seen to differ between
 * beginnings of which all went the same way. The top of the stack, which says where in the loop that is, has to be the same.
 *
 * One interval is always measured: how long a delay takes is kept in memory that is not looked at, and changes while a kernel boots.
 * And all other vCPUs are idle: with one at work, polls have different distances.
 */
#ifndef VUART_BEGIN_H
#define VUART_BEGIN_H

#include "vcpu.h"

/* Two polls that follow each other: how the first one found the vCPU, and the second. */
struct pair {
	struct vcpu_state first, second;
	int64_t t, ns; /* of the first; to the second */
};

/* What is known of the beginnings of a loop at which LSR reads the same. */
struct begin {
	struct pair pair; /* the first that was seen */
	unsigned seen;
	uint8_t lsr;
	bool differs[VCPU_WORDS]; /* the word did between beginnings */
	bool moves[VCPU_WORDS];   /* the first poll changes it by the same amount each time */
	bool set[VCPU_WORDS];     /* to the same value each time */
};
#define BEGINS 4 /* of a loop, by the LSR's two bits for the transmitter */

void begin_forget(void); /* the next poll follows from none before */
/* The polling vCPU had that state at t, at a poll that may begin a loop. v: what LSR read. */
void begin_first(const struct vcpu_state *s, int64_t t, uint8_t v);
/* The same at the poll after it. */
void begin_second(const struct vcpu_state *s, int64_t t);
/* Were these two polls a beginning of the loop to which that belongs? */
bool begin_known(const struct begin *of);
/* They were: the poll after them was of it. */
void begin_learn(struct begin *of);

#endif
