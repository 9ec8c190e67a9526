/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device.h"

#include <string.h>

/* ---- rings ---- */

static uint64_t tail_of(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void publish(uint64_t *head, uint64_t v)
{
	__atomic_store_n(head, v, __ATOMIC_RELEASE);
}

static void rec_push(struct device *d, const struct uart_frame *f)
{
	struct page *p = d->pg;
	uint64_t head = p->recs_head;
	int64_t ns = f->end / UART_UNITS_PER_NS, dur = (f->end - f->start + UART_UNITS_PER_NS / 2) / UART_UNITS_PER_NS;

	if (head - tail_of(&p->recs_tail) >= p->recs_cap) {
		p->recs_lost++;
		return;
	}
	d->recs[head % p->recs_cap] = (struct page_rec){
		.end_ns = ns, .dur_ns = dur > UINT32_MAX ? UINT32_MAX : dur, .byte = f->byte, .flags = f->flags,
		.lcr = f->lcr & LCR_FORMAT, .ninths = f->end % UART_UNITS_PER_NS,
	};
	publish(&p->recs_head, head + 1);
}

void device_event(struct device *d, uint8_t kind, uint8_t code, uint32_t arg)
{
	struct page *p = d->pg;
	uint64_t head = p->events_head;

	if (head - tail_of(&p->events_tail) >= p->events_cap) {
		p->events_lost++;
		return;
	}
	d->events[head % p->events_cap] = (struct page_event){
		.ns = d->now, .wire = p->uart.n.wire, .writes = p->uart.n.writes, .arg = arg, .code = code, .kind = kind,
		.cpu = d->m->cpu(), .writer = p->writer,
	};
	publish(&p->events_head, head + 1);
}

/* ---- the line ---- */

static void line_frame(void *ctx, const struct uart_frame *f)
{
	struct device *d = ctx;

	/* A trigger may have cut the power while uart_sync was catching up: what would have followed never left. */
	if (d->pg->state == STATE_CUT && f->end > units(d->pg->cut_ns))
		return;
	rec_push(d, f);
	if (!(f->flags & (FRAME_BREAK | FRAME_CUT)))
		triggers_byte(d, f->byte);
}

/* Two queues, because two sides write; of two waiting items the one that is due earlier goes first. */
static const struct uart_rx_item *inbox_front(const struct page *p)
{
	return p->inbox_tail == p->inbox_seen ? NULL : &p->inbox[p->inbox_tail % PAGE_INBOX];
}

static const struct uart_rx_item *answers_front(const struct page *p)
{
	return p->answers_tail == p->answers_head ? NULL : &p->answers[p->answers_tail % PAGE_ANSWERS];
}

static const struct uart_rx_item *line_peek(void *ctx)
{
	const struct page *p = ((struct device *)ctx)->pg;
	const struct uart_rx_item *a = inbox_front(p), *b = answers_front(p);

	if (!a || !b)
		return a ? a : b;
	return b->at_ns < a->at_ns ? b : a;
}

static void line_take(void *ctx)
{
	struct page *p = ((struct device *)ctx)->pg;

	if (line_peek(ctx) == inbox_front(p))
		publish(&p->inbox_tail, p->inbox_tail + 1);
	else
		p->answers_tail++;
}

void device_answer(struct device *d, const struct uart_rx_item *i)
{
	struct page *p = d->pg;

	if (p->answers_head - p->answers_tail >= PAGE_ANSWERS) {
		p->answers_lost++;
		return;
	}
	p->answers[p->answers_head++ % PAGE_ANSWERS] = *i;
}

static void inbox_look(struct device *d)
{
	struct page *p = d->pg;
	uint64_t head = tail_of(&p->inbox_head);

	if (head - p->inbox_tail > PAGE_INBOX) /* nonsense from outside: take none of it */
		head = p->inbox_seen;
	for (; p->inbox_seen != head; p->inbox_seen++) {
		struct uart_rx_item *i = &p->inbox[p->inbox_seen % PAGE_INBOX];

		if (i->at_ns < d->now)
			i->at_ns = d->now;
	}
	if (p->inputs_seen != p->inputs_gen) {
		p->inputs_seen = p->inputs_gen;
		uart_inputs(&p->uart, p->inputs);
	}
}

/* ---- entry and exit ---- */

/* False: the power is off. Brings everything up to the present. */
static bool enter(struct device *d)
{
	struct page *p = d->pg;
	int64_t now = d->m->now_ns();

	if (now < p->last_ns) {
		p->clock_back++;
		now = p->last_ns;
	}
	d->now = p->last_ns = now;
	if (p->state == STATE_CUT)
		return false;
	uart_sync(&p->uart, &d->line, units(now));
	triggers_time(d);
	return p->state != STATE_CUT;
}

static void leave(struct device *d)
{
	struct page *p = d->pg;
	struct uart16550 *u = &p->uart;
	int64_t t = units(d->now), at = UART_NEVER, next;
	bool level = false;

	if (p->state != STATE_CUT) {
		level = uart_irq(u, t);
		at = uart_tx_end_of(u, u->tx_n); /* so that the harness sees what left even if the guest never looks again */
		next = uart_next_irq(u, &d->line, t);
		at = next < at ? next : at;
		next = triggers_next(d);
		at = next < at ? next : at;
	}
	if (level != u->irq) {
		u->irq = level;
		p->irq_edges += level;
		d->m->irq(level);
	}
	if (at != UART_NEVER)
		at = ns_up(at);
	if (at == d->armed_ns)
		return;
	d->armed_ns = at;
	d->m->arm(at);
}

uint8_t device_read(struct device *d, unsigned reg)
{
	uint8_t v = 0xff; /* what an empty bus reads */

	if (enter(d))
		v = uart_read(&d->pg->uart, &d->line, units(d->now), reg);
	leave(d);
	return v;
}

void device_write(struct device *d, unsigned reg, uint8_t v)
{
	struct uart16550 *u = &d->pg->uart;

	if (enter(d)) {
		uint32_t before = u->lcr << 16 | u->divisor, after;
		uint64_t writes = u->n.writes;

		uart_write(u, &d->line, units(d->now), reg, v);
		if (u->n.writes != writes)
			d->pg->writer = d->m->cpu();
		after = u->lcr << 16 | u->divisor;
		if (before != after)
			device_event(d, EVENT_FORMAT, 0, after);
	}
	leave(d);
}

void device_doorbell(struct device *d, uint32_t v)
{
	uint8_t code = v;

	if (enter(d)) {
		d->pg->by_code[code]++;
		device_event(d, EVENT_DOORBELL, code, v >> 8);
		triggers_event(d, code);
	}
	leave(d);
}

void device_symbol(struct device *d, unsigned trigger)
{
	if (enter(d))
		triggers_symbol(d, trigger);
	leave(d);
}

void device_tick(struct device *d)
{
	int64_t due = d->armed_ns;

	d->armed_ns = UART_NEVER;
	if (enter(d))
		inbox_look(d);
	if (due != UART_NEVER && d->now - due > d->pg->late_max_ns)
		d->pg->late_max_ns = d->now - due;
	leave(d);
}

void device_poll(struct device *d)
{
	if (enter(d))
		inbox_look(d);
	leave(d);
}

void device_reset(struct device *d)
{
	if (enter(d)) {
		uart_reset(&d->pg->uart, &d->line, units(d->now));
		device_event(d, EVENT_RESET, 0, 0);
	}
	leave(d);
}

void device_cut(struct device *d)
{
	d->pg->cut_ns = d->now;
	uart_cut(&d->pg->uart, &d->line, units(d->now));
	d->pg->state = STATE_CUT;
	d->m->stop();
}

/* Comes before the first instruction and after the last one. The harness may have changed triggers and inbox in between. */
void device_run(struct device *d, bool running)
{
	struct page *p = d->pg;

	if (running) {
		if (p->state < STATE_RAN)
			p->state = STATE_RAN;
		/* After the load of a snapshot QEMU's timer and interrupt line know nothing of ours. */
		d->armed_ns = UART_NEVER;
		d->m->arm(UART_NEVER);
		d->m->irq(p->uart.irq);
	}
	if (enter(d)) {
		if (running && p->trigger_seen != p->trigger_gen) {
			p->trigger_seen = p->trigger_gen;
			triggers_load(d);
		}
		if (p->state != STATE_CUT)
			inbox_look(d);
		device_event(d, EVENT_RUN, 0, running);
	}
	leave(d);
}

/* ---- attach ---- */

static bool ring_fits(uint64_t off, uint32_t cap, uint32_t item, uint64_t size)
{
	return cap && !(cap & (cap - 1)) && off >= sizeof(struct page) && off % 64 == 0 && off <= size &&
	       (size - off) / item >= cap;
}

const char *device_attach(struct device *d, struct page *p, uint64_t size, const struct machine *m, bool fresh)
{
	if (size < sizeof(*p) || memcmp(p->magic, PAGE_MAGIC, sizeof(PAGE_MAGIC)))
		return "is not a page of lastpage's UART";
	if (p->version != PAGE_VERSION || p->header_size != sizeof(*p) || p->rec_size != sizeof(struct page_rec) ||
	    p->event_size != sizeof(struct page_event))
		return "is of another version of the UART model";
	if (p->file_size > size || !ring_fits(p->recs_off, p->recs_cap, sizeof(struct page_rec), p->file_size) ||
	    !ring_fits(p->events_off, p->events_cap, sizeof(struct page_event), p->file_size))
		return "has rings that do not fit the file";
	if (fresh && p->state != STATE_CREATED)
		return "was used before; make a new one, or resume";
	if (!fresh && p->state < STATE_READY)
		return "was never used, so there is nothing to resume";
	*d = (struct device){
		.pg = p, .m = m, .armed_ns = UART_NEVER,
		.recs = (void *)((char *)p + p->recs_off), .events = (void *)((char *)p + p->events_off),
		.line = { d, line_frame, line_peek, line_take },
	};
	if (fresh) {
		uart_init(&p->uart, p->base_baud);
		p->inputs = p->uart.inputs;
		p->writer = 255;
		p->state = STATE_LOADED;
	}
	p->attached++;
	return NULL;
}
