/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ff.h"

#include "begin.h"
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

#define LEAST 2 /* what a counter of polls is not brought below, as long as its end was not seen */

#define LOOPS 4 /* that are remembered: a driver waits in one within a record and in another one at its end */

/* A loop that was left out: how a poll of it changes the machine, and where its stack ended. */
static struct loop {
	struct vcpu_state delta[VCPU_MAX];
	int64_t period, sp[VCPU_MAX];
	int64_t least; /* its counter of polls was seen to be that at the last one */
	struct begin begins[BEGINS];
} loops[LOOPS];

static unsigned learned; /* loops so far; the oldest makes way */
static struct loop *last; /* that was left out */
static struct loop *in;   /* the last poll was of that one; NULL: of none */

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

static int me(void)
{
	int i = 0;

	while (i < vcpus_n - 1 && vcpus[i] != current_cpu)
		i++;
	return i;
}

/* How many periods may be left out as far as this vCPU is concerned? A counter of polls may come down to least. */
static int64_t periods(struct page_ff *n, int i, int64_t now, int64_t period, int64_t k, int64_t least)
{

	for (int w = 0; w < VCPU_WORDS; w++) {
		int64_t v = seen.at[i].word[w], delta = seen.delta[i].word[w], room;

		if (delta == 0) {
			/* The TSC counts ns under icount. A constant just ahead of it may be what the guest is waiting for. */
			if (v > now && v <= now + k * period)
				k = (v - now - 1) / period;
		} else if (vcpus[i] != current_cpu) {
			n->busy++;
			return 0;
		} else if (delta == -1) {
			room = (int64_t)(uint32_t)v - least;
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

/* What the next poll changes cannot be told from this one. */
static void forget_state(void)
{
	seen.state = seen.deltas = false;
	in = NULL;
	begin_forget();
}

void ff_forget(void)
{
	seen.polled = false;
	forget_state();
	spin_forget();
}

static bool others_idle(void)
{
	for (int i = 0; i < vcpus_n; i++)
		if (vcpus[i] != current_cpu && !vcpu_idle(vcpus[i]))
			return false;
	return true;
}

/* What one poll changed is what each does in that loop, in the same place of the stack; their distance apart. */
static bool same_loop(const struct loop *l)
{
	for (int i = 0; i < vcpus_n; i++)
		if (seen.at[i].word[VCPU_RSP] != l->sp[i] || memcmp(&seen.delta[i], &l->delta[i], sizeof(seen.delta[i])))
			return false;
	return true;
}

/* The loop that goes on by what one poll changed; NULL: none that is known. With others at work only the last one counts. */
static struct loop *recognised(void)
{
	for (struct loop *l = loops; l < loops + LOOPS; l++)
		if (seen.period == l->period && same_loop(l) && (l == last || others_idle()))
			return l;
	return NULL;
}

/* A loop of another distance makes way for what it has become. */
static struct loop *learn(void)
{
	struct loop *l = &loops[learned % LOOPS];

	for (struct loop *o = loops; o < loops + LOOPS; o++)
		if (o->period && same_loop(o))
			l = o;
	learned += l == &loops[learned % LOOPS];
	memset(l, 0, sizeof(*l));
	l->period = seen.period;
	l->least = LEAST;
	memcpy(l->delta, seen.delta, sizeof(seen.delta[0]) * vcpus_n);
	for (int i = 0; i < vcpus_n; i++)
		l->sp[i] = seen.at[i].word[VCPU_RSP];
	return l;
}

/* LSR reads the same, and the loop ended nevertheless: what had its counter at the last poll? */
static void ended(struct loop *l, const struct vcpu_state *before)
{
	for (int w = 0; w < VCPU_WORDS; w++)
		if (l->delta[me()].word[w] == -1 && (uint32_t)before->word[w] == 1)
			l->least = 1;
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

/* What goes on is that loop, or one that is not known yet: seen has the state and the deltas. */
static void leave_out(struct device *d, struct loop *l)
{
	bool alone = others_idle();
	int64_t k = room(d) / seen.period;

	if (!alone)
		k -= vcpus_n;
	for (int i = 0; i < vcpus_n && k > 0; i++)
		k = periods(&d->pg->ff, i, d->now, seen.period, k, l ? l->least : LEAST);
	in = l;
	if (k < 1)
		return;
	if (!l)
		in = learn();
	last = in;
	jump(d, k, alone);
}

/* Takes the state; true: it changed as it did with the poll before. */
static bool repeats(const struct vcpu_state *now, int64_t period)
{
	bool same = seen.deltas && period == seen.period;

	for (int i = 0; i < vcpus_n; i++)
		for (int w = 0; w < VCPU_WORDS; w++) {
			int64_t delta = now[i].word[w] - seen.at[i].word[w];

			same = same && delta == seen.delta[i].word[w];
			seen.delta[i].word[w] = delta;
			seen.at[i].word[w] = now[i].word[w];
		}
	seen.period = period;
	seen.deltas = true;
	return same;
}

/* The loop of which the last two polls were the beginning; what goes on is that. */
static struct loop *begun(void)
{
	if (!others_idle())
		return NULL;
	for (struct loop *l = loops; l < loops + LOOPS; l++)
		if (begin_known(l->begins)) {
			seen.delta[me()] = l->delta[me()];
			seen.period = l->period;
			return l;
		}
	return NULL;
}

static void poll(struct device *d, uint8_t v)
{
	struct vcpu_state now[VCPU_MAX], before;
	int64_t period = d->now - seen.t;
	bool same = seen.polled && v == seen.v;
	struct loop *l;

	seen.polled = true;
	seen.t = d->now;
	seen.v = v;
	/* Not worth looking closely: too close to the next event to gain anything. */
	if ((same && (period <= 0 || room(d) / period < 2)) || !read_all(&d->pg->ff, now)) {
		forget_state();
		return;
	}
	if (!same || !seen.state) {
		forget_state();
		memcpy(seen.at, now, sizeof(now[0]) * vcpus_n);
		seen.state = true;
		begin_first(&seen.at[me()], d->now, v);
		return;
	}
	before = seen.at[me()];
	same = repeats(now, period);
	l = recognised();
	if (in && l != in) {
		ended(in, &before);
		in = NULL;
		begin_first(&seen.at[me()], d->now, v);
		return;
	}
	if (l && others_idle()) {
		begin_learn(l->begins);
	} else if (l || same) {
		begin_forget();
	} else {
		begin_second(&seen.at[me()], d->now);
		l = begun();
	}
	if (same || l)
		leave_out(d, l);
}

void ff_access(struct device *d, bool lsr, uint8_t v)
{
	if (d->pg->ff_state != FF_ON)
		return;
	if (!lsr || d->pg->state == STATE_CUT) {
		ff_forget();
		return;
	}
	d->pg->ff.polls++;
	spin_forget();
	poll(d, v);
}
