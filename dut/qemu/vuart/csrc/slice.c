/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fair turns between vCPUs while the transmitter works.
 *
 * Under icount all vCPUs take turns in one thread, and a turn lasts until the next virtual timer or until the guest executes
 * PAUSE. A vCPU that polls the UART executes PAUSE all the time, so one that computes gets everything: with a 250 Hz tick the
 * poller comes back every 4 ms and sends one byte, where on a real machine both would run and the line would be busy. So while
 * bytes are inside the chip and more than one vCPU is at work, a virtual timer ends every turn after half a frame: the poller
 * comes back before the byte it waits for is out. While only one is at work, the timer lies half a frame behind the next one
 * of QEMU's, which is what can wake another. It carries out nothing itself, and it is part of virtual time: equal inputs give
 * equal turns.
 */
#include "slice.h"
#include "qemu.h"
#include "solo.h"

#include <stddef.h>

#define SLICE_MIN_NS 5000
#define SLICE_MAX_NS 100000

static char timer[512] __attribute__((aligned(64)));
static bool possible;
static int64_t due = UART_NEVER;

static bool contested(struct device *d)
{
	unsigned at_work = 0;

	for (unsigned i = 0; i < d->pg->ncpu; i++)
		at_work += !vcpu_idle(qemu_get_cpu(i));
	return at_work > 1;
}

/* Half a frame: a turn of another's may not cost the line a byte. */
static int64_t turn_ns(struct device *d)
{
	int64_t half = uart_frame_time(&d->pg->uart, d->pg->uart.lcr) / UART_UNITS_PER_NS / 2;

	if (half < SLICE_MIN_NS)
		return SLICE_MIN_NS;
	return half < SLICE_MAX_NS ? half : SLICE_MAX_NS;
}

static void look(struct device *d)
{
	int64_t now, end, next;

	if (uart_tx_idle(&d->pg->uart))
		return;
	now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
	end = now + turn_ns(d);
	if (!contested(d)) {
		if (due != UART_NEVER)
			return;
		next = qemu_clock_deadline_ns_all(QEMU_CLOCK_VIRTUAL, ~0);
		if (next < 0)
			return;
		end += next;
	}
	if (end >= due)
		return;
	due = end;
	timer_mod_ns(timer, due);
}

static void end_turn(void *opaque)
{
	due = UART_NEVER;
	look(opaque);
}

void slice_init(struct device *d)
{
	possible = use_icount && d->pg->ncpu > 1;
	if (possible)
		timer_init_full(timer, NULL, QEMU_CLOCK_VIRTUAL, 1, 0, end_turn, d);
}

void slice_look(struct device *d)
{
	if (possible)
		look(d);
}
