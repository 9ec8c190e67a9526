/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The chip on its page: rings, triggers, the receive line, interrupt level and the one timer. Still without QEMU; what it
 * needs of a machine is struct machine. Everything is called with the machine's big lock held.
 */
#ifndef VUART_DEVICE_H
#define VUART_DEVICE_H

#include "page.h"

struct machine {
	int64_t (*now_ns)(void);   /* virtual */
	void (*irq)(int level);    /* called on edges only */
	void (*arm)(int64_t ns);   /* call device_tick at this virtual time; UART_NEVER: not at all */
	void (*nmi)(void);
	void (*stop)(void);        /* no vCPU carries out another instruction */
	void (*reset)(void);
	uint8_t (*cpu)(void);      /* who is asking; 255: nobody */
};

struct device {
	struct page *pg;
	struct page_rec *recs;
	struct page_event *events;
	const struct machine *m;
	struct uart_line line;
	int64_t now;      /* ns, of the entry that is being served */
	int64_t armed_ns; /* UART_NEVER: the timer is off */
};

/* NULL, or what is wrong with the page. fresh: power on; otherwise the state in the page goes on. */
const char *device_attach(struct device *d, struct page *pg, uint64_t size, const struct machine *m, bool fresh);

uint8_t device_read(struct device *d, unsigned reg);
void device_write(struct device *d, unsigned reg, uint8_t v);
void device_doorbell(struct device *d, uint32_t v); /* code | arg << 8 */
void device_symbol(struct device *d, unsigned trigger); /* triggers_hit said so */
void device_tick(struct device *d);  /* the timer */
void device_poll(struct device *d);  /* the harness may have put something into the inbox */
void device_reset(struct device *d); /* the machine was reset */
void device_run(struct device *d, bool running);

/* For trigger.c. */
void device_event(struct device *d, uint8_t kind, uint8_t code, uint32_t arg);
void device_answer(struct device *d, const struct uart_rx_item *i);
void device_cut(struct device *d);

/* trigger.c. Times in ns; d->now is the present. */
void triggers_load(struct device *d);
void triggers_byte(struct device *d, uint8_t byte);
void triggers_event(struct device *d, uint8_t code);
bool triggers_hit(struct device *d, unsigned i); /* without the lock: count it; true: device_symbol is wanted */
void triggers_symbol(struct device *d, unsigned i);
void triggers_time(struct device *d);
int64_t triggers_next(const struct device *d); /* units; UART_NEVER */

static inline int64_t units(int64_t ns)
{
	return ns * UART_UNITS_PER_NS;
}

static inline int64_t ns_up(int64_t u)
{
	return (u + UART_UNITS_PER_NS - 1) / UART_UNITS_PER_NS;
}

#endif
