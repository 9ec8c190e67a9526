/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fair turns between vCPUs, so that no byte waits for a CPU that merely computes.
 *
 * Under icount all vCPUs take turns in one thread. A turn lasts until the next virtual timer or until the guest executes PAUSE.
 * A vCPU that polls the UART executes PAUSE all the time, one that computes does not: by itself it would keep its turn for a
 * whole tick, and where it comes before the poller in QEMU's order even longer, because in 7.2 the loop begins again at the first
 * vCPU after every timer and whoever comes after one that has used up its turn finds nothing left of it. Three things mend that:
 *
 * 1. While more than one vCPU is at work, a timer that does nothing ends every turn after half a frame, divided by the number of
 *    the others. It is set when a vCPU that was halted gets an interrupt while another is at work (the interrupt also ends the turn
 *    in which it was sent), and it is not set again when only one is left. It does not depend on the transmitter: the line may
 *    have run empty in the middle of a record, and it is the turns that decide how long for.
 * 2. When a turn begins of a vCPU that is at work, all others that are too are asked to leave (cpu_exit). Each of them meets that
 *    before its own turn, leaves QEMU's inner loop, and comes in again with a turn of its own. So the order is kept and nobody's
 *    turn is empty.
 * 3. In the middle of a line, from when the transmitter has room until five frames later, the vCPU that wrote last has up to eight
 *    turns for each of another's: its interrupt handlers and whatever else it does between two bytes take the time of its own
 *    instructions and not a multiple of it.
 *
 * All of that is decided in the vCPU thread by virtual time and the guest's state: equal inputs give equal turns.
 *
 * A turn begins when the virtual clock is read with another current_cpu than before (QEMU asks for the distance to the next timer
 * then). The functions for the clock and for interrupts are put into the accelerator's class in place of QEMU's (solo.c).
 */
#include "slice.h"
#include "qemu.h"
#include "solo.h"
#include "spin.h"

#include <stddef.h>

#define SLICE_MIN_NS 5000
#define SLICE_MAX_NS 100000
#define HURRY_TURNS 7 /* of each of the others that are left out */
#define HURRY_FRAMES 5
#define HURRY_MAX_NS 500000
#define GAP_NS 100000 /* of an idle line, from which on it is counted */

static char timer[512] __attribute__((aligned(64)));
static struct device *dev;
static bool shared; /* there is somebody to take turns with */
static int64_t due = UART_NEVER;
static int64_t (*virtual_clock)(void);
static void (*handle_interrupt)(void *cpu, int mask);

static struct {
	void *turn;    /* whose it is; NULL: all are halted */
	void *driver;  /* wrote to the transmitter last */
	bool open;     /* and that was not the end of a line */
	bool wanted;   /* the driver was at work when the turn began */
	bool asleep;   /* the clock is about to jump: what reads it is nobody's turn */
	unsigned skipped;
	int64_t since; /* accounted for up to here */
	int64_t empty; /* the transmitter is, from then on, if nobody writes */
	int64_t own, others, idle; /* of the time since it is empty */
	int64_t wait, longest;     /* for a turn of the driver's, while it is empty */
} now;

static unsigned at_work(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < dev->pg->ncpu; i++)
		n += !vcpu_idle(qemu_get_cpu(i));
	return n;
}

/* Half a frame in all: what the others' turns together may cost the line. */
static int64_t turn_ns(unsigned working)
{
	int64_t ns = uart_frame_time(&dev->pg->uart, dev->pg->uart.lcr) / UART_UNITS_PER_NS / 2 / (working - 1);

	if (ns < SLICE_MIN_NS)
		return SLICE_MIN_NS;
	return ns < SLICE_MAX_NS ? ns : SLICE_MAX_NS;
}

static void look(void)
{
	unsigned working;

	if (due != UART_NEVER)
		return;
	working = at_work();
	if (working < 2)
		return;
	due = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + turn_ns(working);
	timer_mod_ns(timer, due);
}

static void end_turn(void *opaque)
{
	(void)opaque;
	due = UART_NEVER;
	look();
}

/* ---- whose turn it is ---- */

static void settle(int64_t t)
{
	int64_t ns = t - (now.since > now.empty ? now.since : now.empty);

	now.since = t;
	if (!now.open || ns <= 0)
		return;
	if (now.turn == now.driver) {
		now.own += ns;
		now.wait = 0;
	} else if (now.wanted) {
		now.others += ns;
		now.wait += ns;
		if (now.wait > now.longest)
			now.longest = now.wait;
	} else {
		now.idle += ns;
		now.wait = 0;
	}
}

/* The line waits in the middle of a record for a vCPU that is at work, and not for long yet. */
static bool hurry(int64_t t)
{
	struct uart16550 *u = &dev->pg->uart;
	int64_t frame = uart_frame_time(u, u->lcr), most = HURRY_FRAMES * frame, room;

	if (!now.open || now.turn == now.driver || !now.wanted)
		return false;
	if (u->tx_n)
		room = uart_tx_end_of(u, u->tx_n - 1u);
	else
		room = u->tx_busy ? u->tx_start : u->tx_last;
	if (most > units(HURRY_MAX_NS))
		most = units(HURRY_MAX_NS);
	return units(t) >= room && units(t) - room < most;
}

/* current_cpu has a turn, or is about to have it. The lock is not held. */
static void new_turn(void)
{
	int64_t t = virtual_clock();
	bool asleep = vcpu_idle(current_cpu); /* nobody has to make room for it */
	void *cpu;

	settle(t);
	now.turn = current_cpu;
	if (!now.open && spin_turn(t))
		t = virtual_clock();
	now.wanted = now.driver && !vcpu_idle(now.driver);
	for (unsigned i = 0; i < dev->pg->ncpu && !asleep; i++) {
		cpu = qemu_get_cpu(i);
		if (cpu != now.turn && !vcpu_idle(cpu))
			cpu_exit(cpu);
	}
	if (now.turn == now.driver)
		return;
	if (now.skipped < HURRY_TURNS * (dev->pg->ncpu - 1) && hurry(t)) {
		now.skipped++;
		cpu_exit(now.turn);
	} else {
		now.skipped = 0;
	}
}

/* Stands in the accelerator's class. */
static int64_t clock_read(void)
{
	if (current_cpu != now.turn && !now.asleep && qemu_in_vcpu_thread())
		new_turn();
	return virtual_clock();
}

/* The same. The turn of whoever wakes another one ends, without a look at the clock, which is not to be had everywhere. */
static void interrupt(void *cpu, int mask)
{
	bool wakes = due == UART_NEVER && qemu_in_vcpu_thread() && vcpu_idle(cpu);

	handle_interrupt(cpu, mask);
	if (!wakes || at_work() < 2)
		return;
	due = 0;
	timer_mod_ns(timer, due);
}

/* ---- outside ---- */

void slice_init(struct device *d)
{
	void **clock, **interrupts;

	dev = d;
	d->pg->turns.fair = 0;
	if (!use_icount)
		return;
	timer_init_full(timer, NULL, QEMU_CLOCK_VIRTUAL, 1, 0, end_turn, NULL);
	shared = d->pg->ncpu > 1;
	clock = accel_slot("icount_get");
	interrupts = accel_slot("icount_handle_interrupt");
	if (!clock || !interrupts)
		return;
	virtual_clock = (int64_t (*)(void))*clock;
	handle_interrupt = (void (*)(void *, int))*interrupts;
	*clock = (void *)clock_read;
	if (shared)
		*interrupts = (void *)interrupt;
	d->pg->turns.fair = 1;
}

void slice_look(void)
{
	if (shared)
		look();
}

/* A turn that went on when a snapshot was taken ends at once: from there on it is as if the guest had woken somebody. */
void slice_run(bool run)
{
	if (!shared || !run)
		return;
	due = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
	timer_mod_ns(timer, due);
}

void slice_sleep(bool asleep)
{
	if (!virtual_clock)
		return;
	settle(virtual_clock());
	spin_forget();
	now.asleep = asleep;
	now.turn = NULL;
	now.wanted = false;
}

void slice_wrote(uint8_t v, uint64_t writes)
{
	struct uart16550 *u = &dev->pg->uart;
	struct page_turns *p = &dev->pg->turns;
	int64_t end;

	if (!virtual_clock || u->n.writes == writes)
		return; /* the divisor, or the power is off */
	settle(dev->now);
	if (now.open && now.own + now.others + now.idle > GAP_NS) {
		p->gaps++;
		p->own_ns += now.own;
		p->others_ns += now.others;
		p->asleep_ns += now.idle;
	}
	if (now.longest > p->wait_ns) {
		p->wait_ns = now.longest;
		p->wait_byte = writes;
	}
	now.own = now.others = now.idle = now.wait = now.longest = 0;
	now.driver = current_cpu;
	now.wanted = true;
	now.open = v != '\n';
	end = uart_tx_end_of(u, u->tx_n);
	now.empty = end == UART_NEVER ? dev->now : ns_up(end);
}
