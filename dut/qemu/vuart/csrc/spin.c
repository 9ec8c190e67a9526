/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spin.h"

#include "ff.h"
#include "qemu.h"
#include "vcpu.h"

#include <string.h>

#define PATIENCE 10  /* equal rounds before anything is looked at closely: more than a delay of 1 us has */
#define WORTH 8      /* rounds that must be left until something is due */
#define TURN_INSNS 40 /* of each vCPU, at most */

static struct {
	struct vcpu_state at[VCPU_MAX], delta[VCPU_MAX]; /* last round; from the one before */
	int64_t t, round;
	unsigned equal;
	bool state, deltas; /* is at, delta valid? */
} seen;

static struct device *dev;

void spin_init(struct device *d)
{
	dev = d;
}

void spin_forget(void)
{
	seen.equal = 0;
	seen.state = seen.deltas = false;
}

/* Rounds until v, which grows by that much in each, is c; k if that are more. */
static int64_t until(int64_t v, int64_t c, int64_t round, int64_t k)
{
	if (c > v && (c - v - 1) / round < k)
		return (c - v - 1) / round;
	return k;
}

/* The same for each value that lies about; and the low half of what grows must not overflow. */
static int64_t bounded(int64_t v, int64_t k)
{
	uint32_t low = v;

	k = until(low, (int64_t)UINT32_MAX + 1, seen.round, k);
	for (int i = 0; i < vcpus_n && k > 0; i++)
		for (int w = 0; w < VCPU_WORDS; w++) {
			int64_t c = seen.at[i].word[w];

			if (seen.delta[i].word[w])
				continue;
			k = until(v, c, seen.round, k);
			k = until(low, (uint32_t)c, seen.round, k);
		}
	return k;
}

/* How many rounds may be left out as far as this vCPU is concerned? */
static int64_t rounds(struct page_ff *n, int i, int64_t k)
{
	bool grows = false;

	for (int w = 0; w < VCPU_WORDS && k > 0; w++) {
		if (!seen.delta[i].word[w])
			continue;
		if (seen.delta[i].word[w] != seen.round || w == VCPU_RIP) {
			n->odd++;
			return 0;
		}
		grows = true;
		k = bounded(seen.at[i].word[w], k);
	}
	if (!grows && seen.at[i].word[VCPU_RIP] != VCPU_IDLE && vcpu_reads_tsc(i, &seen.at[i]))
		return 0;
	return k;
}

/* Takes the state of all vCPUs. True: they changed as they did in the round before. */
static bool repeats(struct page_ff *n)
{
	bool known = seen.state, same = seen.deltas;
	struct vcpu_state now;

	for (int i = 0; i < vcpus_n; i++) {
		if (!vcpu_read(i, &now)) {
			n->unreadable++;
			spin_forget();
			return false;
		}
		for (int w = 0; w < VCPU_WORDS && known; w++) {
			int64_t delta = now.word[w] - seen.at[i].word[w];

			same = same && delta == seen.delta[i].word[w];
			seen.delta[i].word[w] = delta;
		}
		seen.at[i] = now;
	}
	seen.deltas = seen.state;
	seen.state = true;
	return same;
}

bool spin_turn(int64_t t)
{
	struct page_ff *n = &dev->pg->ff;
	int64_t round = t - seen.t, k;

	if (dev->pg->ff_state != FF_ON || current_cpu != vcpus[0])
		return false;
	seen.t = t;
	if (round != seen.round || round <= 0 || round > icount_to_ns(TURN_INSNS) * vcpus_n) {
		seen.round = round;
		spin_forget();
		return false;
	}
	if (seen.equal < PATIENCE) {
		seen.equal++;
		return false;
	}
	k = (qemu_clock_deadline_ns_all(QEMU_CLOCK_VIRTUAL, ~0) - 1) / round - 1;
	if (k < (seen.deltas ? 1 : WORTH)) {
		spin_forget();
		return false;
	}
	if (!repeats(n))
		return false;
	for (int i = 0; i < vcpus_n && k > 0; i++)
		k = rounds(n, i, k);
	spin_forget();
	if (k < 1)
		return false;
	for (int i = 0; i < vcpus_n; i++)
		vcpu_advance(i, &seen.at[i], &seen.delta[i], k);
	ff_move(k * round);
	seen.t += k * round;
	return true;
}
