/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ff.h"

#include "qemu.h"
#include "solo.h"
#include "spin.h"
#include "vcpu.h"

#include <stdio.h>
#include <string.h>

/* The RIP of the polling vCPU is not kept: it is stale. */
static struct {
	struct vcpu_state at[VCPU_MAX], delta[VCPU_MAX]; /* last poll; from the one before */
	int64_t t, period;
	bool polled, state, deltas; /* is t, at, delta valid? */
	uint8_t v;
} seen;

/* The last loop that was left out: how a poll of it changes the machine, and where its stack ended. */
static struct {
	struct vcpu_state delta[VCPU_MAX];
	int64_t period, sp[VCPU_MAX];
} learned;

static volatile int64_t *bias; /* what QEMU adds to executed instructions to get its virtual clock */
static struct page_ff *count;

/* ---- start ---- */

/*
 * timers_state is exported, its layout is not. Try every place of the structure's beginning: the one we want moves the virtual
 * clock by exactly what is added to it (the instruction counter would move it by a multiple). The VM stands meanwhile.
 */
static volatile int64_t *find_bias(void)
{
	const int64_t step = 0x1000;
	volatile int64_t *found = NULL;
	int hits = 0;

	for (int off = 0x10; off < 0x60; off += 8) {
		volatile int64_t *p = (volatile int64_t *)(timers_state + off);
		int64_t before = icount_get(), keep = *p, after;

		*p = keep + step; /* even: the sequence lock, if it is this, stays unlocked */
		after = icount_get();
		*p = keep;
		if (after - before == step) {
			found = p;
			hits++;
		}
	}
	return hits == 1 ? found : NULL;
}

void ff_move(int64_t ns)
{
	__atomic_store_n(bias, *bias + ns, __ATOMIC_SEQ_CST);
	count->jumps++;
	count->jumped_ns += ns;
}

static void off(struct device *d, const char *why)
{
	fprintf(stderr, "vuart: no fast-forward: %s\n", why);
	d->pg->ff_state = FF_IMPOSSIBLE;
}

void ff_init(struct device *d, bool wanted)
{
	d->pg->ff_state = FF_OFF;
	if (!wanted)
		return;
	if (!use_icount) {
		off(d, "it needs -icount");
		return;
	}
	if (!vcpus_init(d->pg->ncpu)) {
		off(d, "more than 8 CPUs");
		return;
	}
	count = &d->pg->ff;
	bias = find_bias();
	if (!bias) {
		off(d, "this QEMU keeps its clock in another way");
		return;
	}
	d->pg->ff_state = FF_ON;
}

/* ---- the state of the machine ---- */

static bool read_all(struct page_ff *n, struct vcpu_state *to)
{
	for (int i = 0; i < vcpus_n; i++) {
		if (!vcpu_read(i, &to[i])) {
			n->unreadable++;
			return false;
		}
		if (vcpus[i] == current_cpu)
			to[i].word[VCPU_RIP] = 0;
	}
	return true;
}

/* How many periods may be left out as far as this vCPU is concerned? */
static int64_t periods(struct page_ff *n, int i, int64_t now, int64_t period, int64_t k)
{
	bool me = vcpus[i] == current_cpu;

	for (int w = 0; w < VCPU_WORDS; w++) {
		int64_t v = seen.at[i].word[w], delta = seen.delta[i].word[w], room;

		if (delta == 0) {
			/* The TSC counts ns under icount. A constant just ahead of it may be what the guest is waiting for. */
			if (v > now && v <= now + k * period)
				k = (v - now - 1) / period;
		} else if (!me) {
			n->busy++;
			return 0;
		} else if (delta == -1) {
			room = (int64_t)(uint32_t)v - 2;
			if (room < k)
				k = room;
		} else if (delta != period) {
			n->odd++;
			return 0;
		}
	}
	return k;
}

/* ---- the poll ---- */

void ff_forget(void)
{
	seen.polled = seen.state = seen.deltas = false;
	spin_forget();
}

/* Is what one poll changed what each did in the loop that was left out last, in the same place of the stack? */
static bool recognised(void)
{
	bool same = seen.period == learned.period;

	for (int i = 0; i < vcpus_n && same; i++)
		same = seen.at[i].word[VCPU_RSP] == learned.sp[i] && !memcmp(&seen.delta[i], &learned.delta[i], sizeof(seen.delta[i]));
	return same;
}

static void learn(void)
{
	learned.period = seen.period;
	memcpy(learned.delta, seen.delta, sizeof(seen.delta[0]) * vcpus_n);
	for (int i = 0; i < vcpus_n; i++)
		learned.sp[i] = seen.at[i].word[VCPU_RSP];
}

static bool others_idle(void)
{
	for (int i = 0; i < vcpus_n; i++)
		if (vcpus[i] != current_cpu && !vcpu_idle(vcpus[i]))
			return false;
	return true;
}

/* The last ns, counted from now, at which a poll would read the same and no timer is due. */
static int64_t room(struct device *d)
{
	int64_t lsr = uart_next_lsr(&d->pg->uart, &d->line, units(d->now));
	int64_t timer = qemu_clock_deadline_ns_all(QEMU_CLOCK_VIRTUAL, ~0);

	lsr = lsr == UART_NEVER ? INT64_MAX : ns_up(lsr) - d->now;
	if (timer < 0)
		return lsr == INT64_MAX ? 0 : lsr - 1;
	return (timer < lsr ? timer : lsr) - 1;
}

static void jump(struct device *d, int64_t k, bool alone)
{
	struct page *p = d->pg;

	for (int i = 0; i < vcpus_n; i++)
		vcpu_advance(i, &seen.at[i], &seen.delta[i], k);
	ff_move(k * seen.period);
	seen.t += k * seen.period;
	p->last_ns = d->now = seen.t;
	p->uart.n.lsr_reads += k;
	p->uart.n.reads += k;
	p->uart.n.accesses += k;
	/*
	 * The number of instructions this vCPU may run was worked out before the jump. Alone, kick it, so that it is worked out
	 * again. With others at work a kick would hand the turn over too early; there the polling loop ends its turns itself (PAUSE
	 * in udelay), and k is so much less than possible that this turn would not have ended earlier without the jump: QEMU 7.2
	 * lets a turn last until the next timer at most, 10.0 divides that by the number of CPUs.
	 */
	if (alone)
		qemu_timer_notify_cb(NULL, QEMU_CLOCK_VIRTUAL);
}

void ff_access(struct device *d, bool lsr, uint8_t v)
{
	struct page_ff *n = &d->pg->ff;
	struct vcpu_state now[VCPU_MAX];
	int64_t period = d->now - seen.t, k;
	bool same, alone;

	if (d->pg->ff_state != FF_ON)
		return;
	if (!lsr || d->pg->state == STATE_CUT) {
		ff_forget();
		return;
	}
	n->polls++;
	spin_forget();
	same = seen.polled && v == seen.v;
	seen.polled = true;
	seen.t = d->now;
	seen.v = v;
	/* Not worth looking closely: too close to the next event to gain anything. */
	k = same && period > 0 ? room(d) / period : 0;
	if (same && k < 2) {
		seen.state = seen.deltas = false;
		return;
	}
	if (!read_all(n, now)) {
		seen.state = seen.deltas = false;
		return;
	}
	if (!same || !seen.state) {
		memcpy(seen.at, now, sizeof(now[0]) * vcpus_n);
		seen.state = true;
		seen.deltas = false;
		return;
	}
	same = seen.deltas && period == seen.period;
	for (int i = 0; i < vcpus_n; i++)
		for (int w = 0; w < VCPU_WORDS; w++) {
			int64_t delta = now[i].word[w] - seen.at[i].word[w];

			same = same && delta == seen.delta[i].word[w];
			seen.delta[i].word[w] = delta;
			seen.at[i].word[w] = now[i].word[w];
		}
	seen.period = period;
	seen.deltas = true;
	if (!same && !recognised())
		return;
	alone = others_idle();
	if (!alone)
		k -= vcpus_n;
	for (int i = 0; i < vcpus_n && k > 0; i++)
		k = periods(n, i, d->now, period, k);
	if (k < 1)
		return;
	learn();
	jump(d, k, alone);
}
