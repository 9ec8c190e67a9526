/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Triggers: "when this, then that", judged where the virtual clock stands still, so that nothing of the host comes between
 * condition and action. Each fires once. One that has `after` sleeps until that other one has fired.
 */
#include "device.h"

static struct page_trigger *trigger(const struct device *d, unsigned i)
{
	return &d->pg->trigger[i];
}

/* The n-th wire byte that fires it. */
static int64_t byte_target(const struct page_trigger *g)
{
	return g->flags & TRIGGER_RELATIVE ? g->base_wire + g->n : g->n;
}

static int64_t time_target(const struct page_trigger *g)
{
	return g->flags & TRIGGER_RELATIVE ? g->base_ns + g->n : g->n;
}

/* The line has been idle since the last frame, or since the trigger was armed if that is later. */
static int64_t quiet_target(const struct device *d, const struct page_trigger *g)
{
	const struct uart16550 *u = &d->pg->uart;
	int64_t since = ns_up(u->tx_last);

	if (!uart_tx_idle(u) || u->brk)
		return UART_NEVER;
	return (since > g->base_ns ? since : g->base_ns) + g->n;
}

static void act(struct device *d, unsigned i)
{
	struct page_trigger *g = trigger(d, i);

	g->acted = 1;
	g->acted_ns = d->now;
	if (g->action == ACTION_NONE)
		return;
	device_event(d, EVENT_ACTION, g->action, i);
	switch (g->action) {
	case ACTION_NMI:
		d->m->nmi();
		break;
	case ACTION_RX:
		for (unsigned k = 0; k < g->rx_len && k < PAGE_TRIGGER_RX; k++) {
			struct uart_rx_item it = { d->now, g->brk_ns, g->rx[k].byte, g->rx[k].flags, 0 };

			device_answer(d, &it);
		}
		break;
	case ACTION_STOP:
		d->m->stop();
		break;
	case ACTION_POWERCUT:
		device_cut(d);
		break;
	case ACTION_RESET:
		d->m->reset();
		break;
	}
}

static void arm(struct device *d, unsigned i);

static void fire(struct device *d, unsigned i)
{
	struct page_trigger *g = trigger(d, i);

	g->armed = 0;
	g->fired = 1;
	g->fired_ns = d->now;
	g->fired_wire = d->pg->uart.n.wire;
	g->due_ns = d->now + g->delay_ns;
	device_event(d, EVENT_TRIGGER, g->action, i);
	if (g->delay_ns <= 0)
		act(d, i);
	for (unsigned k = 0; k < PAGE_TRIGGERS; k++)
		if (trigger(d, k)->after == i + 1)
			arm(d, k);
}

/* The conditions that can be true of a standing machine. */
static bool met(const struct device *d, const struct page_trigger *g)
{
	switch (g->kind) {
	case TRIGGER_BYTE:
		return (int64_t)d->pg->uart.n.wire >= byte_target(g);
	case TRIGGER_TIME:
		return d->now >= time_target(g);
	case TRIGGER_QUIET:
		return d->now >= quiet_target(d, g);
	case TRIGGER_EVENT:
		return g->count >= g->n;
	default:
		return false;
	}
}

static void arm(struct device *d, unsigned i)
{
	struct page_trigger *g = trigger(d, i);

	if (g->kind == TRIGGER_NONE || g->armed || g->fired)
		return;
	g->armed = 1;
	g->match = 0;
	g->base_ns = d->now;
	g->base_wire = d->pg->uart.n.wire;
	if (g->kind == TRIGGER_EVENT)
		g->count = g->flags & TRIGGER_RELATIVE ? 0 : (int64_t)d->pg->by_code[g->code & 0xff];
	if (g->kind == TRIGGER_SYMBOL && g->flags & TRIGGER_RELATIVE)
		g->count = 0;
	g->base_count = g->count;
	if (met(d, g))
		fire(d, i);
}

void triggers_load(struct device *d)
{
	for (unsigned i = 0; i < PAGE_TRIGGERS; i++) {
		struct page_trigger *g = trigger(d, i);

		g->armed = g->fired = g->acted = g->match = 0;
		g->base_ns = g->base_wire = g->base_count = g->count = 0;
		g->fired_ns = g->fired_wire = g->acted_ns = g->due_ns = 0;
		if (g->pattern_len > PAGE_PATTERN)
			g->pattern_len = PAGE_PATTERN;
	}
	for (unsigned i = 0; i < PAGE_TRIGGERS; i++)
		if (!trigger(d, i)->after)
			arm(d, i);
}

/* Knuth-Morris-Pratt, with the borders worked out as they are needed: patterns are short. */
static uint32_t match(const struct page_trigger *g, uint32_t m, uint8_t b)
{
	const uint8_t *p = g->pattern;

	for (;;) {
		uint32_t k, border = 0;

		if (m < g->pattern_len && p[m] == b)
			return m + 1;
		if (!m)
			return 0;
		for (k = m - 1; k && !border; k--)
			if (!__builtin_memcmp(p, p + m - k, k))
				border = k;
		m = border;
	}
}

void triggers_byte(struct device *d, uint8_t byte)
{
	uint32_t armed = 0; /* one that this byte arms does not see this byte */

	for (unsigned i = 0; i < PAGE_TRIGGERS; i++)
		armed |= (uint32_t)!!trigger(d, i)->armed << i;
	for (unsigned i = 0; armed && i < PAGE_TRIGGERS; i++) {
		struct page_trigger *g = trigger(d, i);

		if (!(armed >> i & 1) || g->fired)
			continue;
		if (g->kind == TRIGGER_BYTE && met(d, g)) {
			fire(d, i);
		} else if (g->kind == TRIGGER_PATTERN && g->pattern_len) {
			g->match = match(g, g->match, byte);
			if (g->match == g->pattern_len)
				fire(d, i);
		}
	}
}

void triggers_event(struct device *d, uint8_t code)
{
	uint32_t armed = 0;

	for (unsigned i = 0; i < PAGE_TRIGGERS; i++)
		armed |= (uint32_t)!!trigger(d, i)->armed << i;
	for (unsigned i = 0; armed && i < PAGE_TRIGGERS; i++) {
		struct page_trigger *g = trigger(d, i);

		if (!(armed >> i & 1) || g->fired || g->kind != TRIGGER_EVENT || (g->code & 0xff) != code)
			continue;
		g->count++;
		if (met(d, g))
			fire(d, i);
	}
}

/* Counted from the load of the table on, armed or not, unless it is relative. */
bool triggers_hit(struct device *d, unsigned i)
{
	struct page_trigger *g = trigger(d, i);
	int64_t count = __atomic_add_fetch(&g->count, 1, __ATOMIC_SEQ_CST);

	return g->armed && count >= g->n;
}

void triggers_symbol(struct device *d, unsigned i)
{
	struct page_trigger *g = trigger(d, i);

	if (g->kind == TRIGGER_SYMBOL && g->armed && g->count >= g->n)
		fire(d, i);
}

void triggers_time(struct device *d)
{
	for (unsigned i = 0; i < PAGE_TRIGGERS; i++) {
		struct page_trigger *g = trigger(d, i);

		if (g->fired && !g->acted && d->now >= g->due_ns)
			act(d, i);
		if (g->armed && (g->kind == TRIGGER_TIME || g->kind == TRIGGER_QUIET) && met(d, g))
			fire(d, i);
	}
}

/* Which of the bytes that are inside the transmitter completes the pattern? -1: none. */
static int pattern_ahead(const struct uart16550 *u, const struct page_trigger *g)
{
	uint32_t m = g->match;
	uint8_t mask = 0xff >> (3 - (u->lcr & 3));

	if (!u->tx_busy)
		return -1;
	for (int k = 0; k <= u->tx_n; k++) {
		m = match(g, m, k ? u->tx_fifo[(u->tx_head + k - 1) % UART_FIFO] & mask : u->tx_byte);
		if (m == g->pattern_len)
			return k;
	}
	return -1;
}

int64_t triggers_next(const struct device *d)
{
	const struct uart16550 *u = &d->pg->uart;
	int64_t first = UART_NEVER;

	for (unsigned i = 0; i < PAGE_TRIGGERS; i++) {
		const struct page_trigger *g = trigger(d, i);
		int64_t at = UART_NEVER, k;

		if (g->fired && !g->acted)
			at = units(g->due_ns);
		if (g->armed) {
			switch (g->kind) {
			case TRIGGER_BYTE:
				k = byte_target(g) - (int64_t)u->n.wire - 1;
				if (k >= 0 && k <= u->tx_n)
					at = uart_tx_end_of(u, k);
				break;
			case TRIGGER_TIME:
				at = units(time_target(g));
				break;
			case TRIGGER_QUIET:
				at = quiet_target(d, g);
				at = at == UART_NEVER ? at : units(at);
				break;
			case TRIGGER_PATTERN:
				k = g->pattern_len ? pattern_ahead(u, g) : -1;
				if (k >= 0)
					at = uart_tx_end_of(u, k);
				break;
			}
		}
		if (at < first)
			first = at;
	}
	return first;
}
