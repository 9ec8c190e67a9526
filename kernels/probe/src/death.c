// SPDX-License-Identifier: GPL-2.0-only
/* The steps of panic(): each is told to the doorbell, and one may be the last. Also trouble inside the panic. */
#include <linux/irqflags.h>
#include <linux/kmsg_dump.h>
#include <linux/notifier.h>
#include <linux/panic.h>
#include <linux/panic_notifier.h>
#include "probe.h"
#include "x86.h"

static void step(enum lp_step s)
{
	if (lp_plan.die_at != s)
		return;
	lp_ring(LP_DIE, s);
	local_irq_disable();
	switch (lp_plan.die_how) {
	case LP_RESET:
		lp_die_reset();
		break;
	case LP_TRIPLE:
		lp_die_triple();
		break;
	default:
		lp_die_hang();
	}
}

static int first(struct notifier_block *nb, unsigned long action, void *data)
{
	lp_ring(LP_NOTIFIER_FIRST, 0);
	step(LP_AT_NOTIFIER_FIRST);
	return NOTIFY_DONE;
}

static int last(struct notifier_block *nb, unsigned long action, void *data)
{
	lp_ring(LP_NOTIFIER_LAST, 0);
	step(LP_AT_NOTIFIER_LAST);
	return NOTIFY_DONE;
}

/* An oops in a panic panics again, and that panic calls the notifiers again: once is enough. */
static int nested(struct notifier_block *nb, unsigned long action, void *data)
{
	static atomic_t once = ATOMIC_INIT(0);

	if (atomic_xchg(&once, 1))
		return NOTIFY_DONE;
	lp_ring(LP_MARK, LP_MARK_NESTED);
	if (lp_plan.nested == LP_NEST_WARN)
		lp_warn();
	else
		lp_oops();
	lp_ring(LP_MARK, LP_MARK_NESTED_DONE);
	return NOTIFY_DONE;
}

static struct notifier_block first_nb = { .notifier_call = first, .priority = INT_MAX };
static struct notifier_block nested_nb = { .notifier_call = nested, .priority = INT_MAX - 1 };
static struct notifier_block last_nb = { .notifier_call = last, .priority = INT_MIN };

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
static void on_dump(struct kmsg_dumper *dumper, struct kmsg_dump_detail *detail)
{
	enum kmsg_dump_reason reason = detail->reason;
#else
static void on_dump(struct kmsg_dumper *dumper, enum kmsg_dump_reason reason)
{
#endif
	lp_ring(LP_KMSG_DUMP, reason);
	step(LP_AT_KMSG_DUMP);
}

static struct kmsg_dumper dumper = { .dump = on_dump, .max_reason = KMSG_DUMP_PANIC };

/* panic() calls this again and again once everything is flushed. It replaces the keyboard's blinking lights. */
static long blink(int state)
{
	static atomic_t once = ATOMIC_INIT(0);

	if (!atomic_xchg(&once, 1)) {
		lp_ring(LP_MARK, LP_MARK_PANIC_END);
		step(LP_AT_END);
	}
	return 0;
}

int lp_death_init(void)
{
	int err = atomic_notifier_chain_register(&panic_notifier_list, &first_nb);

	if (!err)
		err = atomic_notifier_chain_register(&panic_notifier_list, &last_nb);
	if (!err && (lp_plan.nested == LP_NEST_WARN || lp_plan.nested == LP_NEST_OOPS))
		err = atomic_notifier_chain_register(&panic_notifier_list, &nested_nb);
	if (!err)
		err = kmsg_dump_register(&dumper);
	panic_blink = blink;
	return err;
}
