// SPDX-License-Identifier: GPL-2.0-only
/* The provocation: what is raised, from which context, after which delay. */
#include <linux/bug.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/nmi.h>
#include <linux/panic.h>
#include <linux/sched/task.h>
#include <linux/smp.h>
#include <linux/wait.h>
#include <uapi/linux/sched/types.h>
#include "probe.h"
#include "x86.h"

#define NESTED_PANIC_NS (1 * NSEC_PER_MSEC)	/* after the first call of panic(), which stops the other CPU within a few ms */
#define LOCKUP_NS (5 * NSEC_PER_SEC)	/* the init sets watchdog_thresh to 1 s: a report after 2 s */

/* A short chain of calls, so that the backtrace is an ordinary one. The barriers keep them from becoming jumps. */
static noinline void warn_inner(void)
{
	WARN(1, "lastpage %s provoked warning\n", lp_plan.run_id);
	barrier();
}

static noinline void warn_middle(void)
{
	warn_inner();
	barrier();
}

noinline void lp_warn(void)
{
	warn_middle();
	barrier();
}

noinline void lp_oops(void)
{
	int *nowhere = NULL;

	OPTIMIZER_HIDE_VAR(nowhere);
	WRITE_ONCE(*nowhere, 1);
	barrier();
}

static noinline void lp_bug(void)
{
	BUG();
}

static void second_panic(void);

static noinline void lp_panic(void)
{
	lp_ring(LP_PANIC_CALL, 0);
	if (lp_plan.nested == LP_NEST_PANIC_OTHER)
		second_panic();
	panic("lastpage %s provoked panic", lp_plan.run_id);
}

static noinline void lockup(void)
{
	u64 until = ktime_get_ns() + LOCKUP_NS;

	preempt_disable();
	while (ktime_get_ns() < until)
		cpu_relax();
	preempt_enable();
}

static void provoke(void)
{
	lp_ring(LP_PROVOKE, lp_plan.provoke);
	switch (lp_plan.provoke) {
	case LP_WARN:
		lp_warn();
		break;
	case LP_WARN_PANIC:
		lp_warn();
		fallthrough;
	case LP_PANIC:
		lp_panic();
		break;
	case LP_OOPS:
		lp_oops();
		break;
	case LP_BUG:
		lp_bug();
		break;
	case LP_SOFTLOCKUP:
		lockup();
		break;
	}
}

static bool fire, ended;
static struct task_struct *provoke_task, *watch_task;
static DECLARE_WAIT_QUEUE_HEAD(waiters);
static struct hrtimer timer, other_timer;
static ktime_t when;

static void finish(void)
{
	lp_ring(LP_PROVOKE_DONE, 0);
	lp_flood(false);
}

/* The gate of vector 2, entered as an NMI enters it; one shot, so that NMIs from outside keep their meaning. */
static bool nmi_wanted;

static int on_nmi(unsigned int type, struct pt_regs *regs)
{
	if (raw_smp_processor_id() != lp_plan.provoke_cpu || !xchg(&nmi_wanted, false))
		return NMI_DONE;
	provoke();
	return NMI_HANDLED;
}

static int provoke_thread(void *unused)
{
	lp_sleep_until(&fire);
	switch (lp_plan.context) {
	case LP_THREAD:
		lp_flood(true);
		provoke();
		finish();
		break;
	case LP_NMI:
		lp_flood(true);
		preempt_disable();
		WRITE_ONCE(nmi_wanted, true);
		lp_raise_nmi();
		preempt_enable();
		finish();
		break;
	}
	smp_store_release(&ended, true);
	wake_up_all(&waiters);
	return lp_sleep_for_ever();
}

static enum hrtimer_restart on_timer(struct hrtimer *t)
{
	if (lp_plan.context == LP_IRQ) {
		lp_flood(true);
		provoke();
		finish();
	}
	lp_wake(&fire, provoke_task);
	if (watch_task)
		wake_up_process(watch_task);
	return HRTIMER_NORESTART;
}

static enum hrtimer_restart on_other_timer(struct hrtimer *t)
{
	lp_ring(LP_MARK, LP_MARK_NESTED);
	panic("lastpage %s second panic", lp_plan.run_id);
}

static void start_timer(void *t)
{
	hrtimer_start(t, t == &timer ? when : ktime_add_ns(ktime_get(), NESTED_PANIC_NS), HRTIMER_MODE_ABS_PINNED_HARD);
}

/*
 * Has another CPU panic soon. Only an IPI that nobody waits for can be sent from any context, and it is sent when the first panic() is
 * as good as called: with a timer set beforehand a CPU that is late would come second.
 */
static void second_panic(void)
{
	static call_single_data_t csd = CSD_INIT(start_timer, &other_timer);
	int cpu;

	for_each_online_cpu(cpu) {
		if (cpu == raw_smp_processor_id())
			continue;
		smp_call_function_single_async(cpu, &csd);
		break;
	}
}

void lp_provoke_arm(void)
{
	when = ktime_add_us(ktime_add_ms(ktime_get(), lp_plan.delay_ms), lp_knob());
	smp_call_function_single(lp_plan.provoke_cpu, start_timer, &timer, 1);
}

/* A thread that oopses ends there: somebody else has to see that it is over. */
static int watch_thread(void *unused)
{
	lp_sleep_until(&fire);
	while (!READ_ONCE(provoke_task->exit_state))
		msleep_interruptible(20);
	finish();
	smp_store_release(&ended, true);
	wake_up_all(&waiters);
	return lp_sleep_for_ever();
}

int lp_provoke_wait(void)
{
	return wait_event_killable(waiters, smp_load_acquire(&ended));
}

static void setup(struct hrtimer *t, enum hrtimer_restart (*fn)(struct hrtimer *))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(t, fn, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
#else
	hrtimer_init(t, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
	t->function = fn;
#endif
}

int lp_provoke_init(void)
{
	setup(&timer, on_timer);
	setup(&other_timer, on_other_timer);
	provoke_task = kthread_create_on_cpu(provoke_thread, NULL, lp_plan.provoke_cpu, "lp_provoke/%u");
	if (IS_ERR(provoke_task))
		return PTR_ERR(provoke_task);
	get_task_struct(provoke_task);
	/* On the CPU of a task that flushes, an ordinary thread would wait for its turn. */
	if (lp_plan.provoke_cpu == lp_plan.backlog_cpu)
		sched_set_fifo(provoke_task);
	wake_up_process(provoke_task);
	if (lp_plan.provoke == LP_OOPS || lp_plan.provoke == LP_BUG) {
		watch_task = kthread_run(watch_thread, NULL, "lp_watch");
		if (IS_ERR(watch_task))
			return PTR_ERR(watch_task);
	}
	if (lp_plan.context == LP_NMI)
		return register_nmi_handler(NMI_LOCAL, on_nmi, 0, "lastpage");
	return 0;
}
