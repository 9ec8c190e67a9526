// SPDX-License-Identifier: GPL-2.0-only
/* The backlog, the flood, and the records they are made of. */
#include <linux/console.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/preempt.h>
#include "probe.h"

static DEFINE_PER_CPU(char[LP_RECORD_MAX + 1], text);

void lp_store(char kind, u32 n)
{
	char *buf = this_cpu_ptr(text);

	lp_record(buf, lp_plan.record_len, lp_plan.run_id, kind, smp_processor_id(), n);
	printk(KERN_INFO "%s\n", buf);
}

static bool go;
static struct task_struct *backlog_task;

void lp_backlog_start(void)
{
	lp_wake(&go, backlog_task);
}

/*
 * A legacy console prints in the caller of printk(), unless somebody else owns console_lock: then the caller only stores. So we
 * own it while we store; nothing is printed meanwhile by anybody, and with console_unlock() we become the one who flushes, as
 * any task does that releases the lock with records pending (kernel/printk/printk.c, console_unlock). An nbcon console has a
 * thread that does not need console_lock; with preemption off it cannot run on this CPU, and on another one it sends at wire
 * speed while we store, which is a few bytes.
 */
static int backlog_thread(void *unused)
{
	int n;

	lp_sleep_until(&go);
	console_lock();
	preempt_disable();
	lp_ring(LP_BACKLOG_BEGIN, lp_plan.backlog);
	for (n = 0; n < lp_plan.backlog; n++)
		lp_store('b', n);
	lp_ring(LP_BACKLOG_STORED, lp_plan.backlog);
	lp_provoke_arm();
	preempt_enable();
	console_unlock();
	return lp_sleep_for_ever();
}

static bool flooding;
static DEFINE_PER_CPU(struct task_struct *, flood_task);
static DEFINE_PER_CPU(bool, flood_go);

void lp_flood(bool on)
{
	int cpu;

	WRITE_ONCE(flooding, on);
	for_each_online_cpu(cpu) {
		if (on && per_cpu(flood_task, cpu))
			lp_wake(per_cpu_ptr(&flood_go, cpu), per_cpu(flood_task, cpu));
	}
}

static int flood_thread(void *unused)
{
	u32 n = 0;

	lp_sleep_until(this_cpu_ptr(&flood_go));
	for (;;) {
		while (READ_ONCE(flooding)) {
			preempt_disable();
			lp_store('f', n++);
			preempt_enable();
			usleep_range(lp_plan.flood_us, lp_plan.flood_us + 1);
		}
		set_current_state(TASK_IDLE);
		if (!READ_ONCE(flooding))
			schedule();
		__set_current_state(TASK_RUNNING);
	}
}

int lp_backlog_init(void)
{
	int cpu;

	backlog_task = kthread_create_on_cpu(backlog_thread, NULL, lp_plan.backlog_cpu, "lp_backlog/%u");
	if (IS_ERR(backlog_task))
		return PTR_ERR(backlog_task);
	wake_up_process(backlog_task);
	for_each_online_cpu(cpu) {
		struct task_struct *t;

		if (!lp_plan.flood_us || cpu == lp_plan.provoke_cpu)
			continue;
		t = kthread_create_on_cpu(flood_thread, NULL, cpu, "lp_flood/%u");
		if (IS_ERR(t))
			return PTR_ERR(t);
		per_cpu(flood_task, cpu) = t;
		wake_up_process(t);
	}
	return 0;
}
