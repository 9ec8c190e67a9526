// SPDX-License-Identifier: GPL-2.0-only
/*
 * lastpage probe: makes a backlog, provokes, and dies where it is told. It prints nothing of its own accord but the
 * self-verifying records (kernels/plan/record.go) and what the provocation makes the kernel say.
 *
 * Everything is fixed by parameters at load time. Writing to `run`, or sysrq-y, sets the plan off once.
 */
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sysrq.h>
#include "probe.h"
#include "x86.h"

struct lp_plan lp_plan = { .record_len = 80, .delay_ms = 300 };

#define LP_PARAM(name, type) module_param_named(name, lp_plan.name, type, 0444)
LP_PARAM(run_id, charp);
LP_PARAM(backlog, int);
LP_PARAM(record_len, int);
LP_PARAM(backlog_cpu, int);
LP_PARAM(provoke_cpu, int);
LP_PARAM(delay_ms, int);
LP_PARAM(flood_us, int);
LP_PARAM(provoke, int);
LP_PARAM(context, int);
LP_PARAM(die_at, int);
LP_PARAM(die_how, int);
LP_PARAM(nested, int);
LP_PARAM(doorbell, ushort);

void lp_ring(enum lp_code code, u32 arg)
{
	if (lp_plan.doorbell)
		lp_door_write(lp_plan.doorbell, code | arg << 8);
}

/*
 * A number that the harness chose after the plan was fixed: trials that start from one snapshot differ by it. 0 on a machine
 * whose doorbell has no knob, which then does not know the word at the doorbell's own place.
 */
static u32 told(int offset)
{
	if (!lp_plan.doorbell || lp_door_read(lp_plan.doorbell, 0) != LP_DOORBELL_WORD)
		return 0;
	return lp_door_read(lp_plan.doorbell, offset);
}

u32 lp_knob(void)
{
	return told(4);
}

u32 lp_course_word(void)
{
	return told(8);
}

/*
 * Wait queues take a lock that sleeps on PREEMPT_RT, and the waker may be a hard interrupt: so a flag and wake_up_process().
 * TASK_IDLE: a probe that is not set off must neither count as load nor as a hung task.
 */
void lp_sleep_until(bool *flag)
{
	for (;;) {
		set_current_state(TASK_IDLE);
		if (smp_load_acquire(flag))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

int lp_sleep_for_ever(void)
{
	bool never = false;

	lp_sleep_until(&never);
	return 0;
}

void lp_wake(bool *flag, struct task_struct *task)
{
	smp_store_release(flag, true);
	wake_up_process(task);
}

static atomic_t started = ATOMIC_INIT(0);

static void start(void)
{
	if (!atomic_xchg(&started, 1))
		lp_backlog_start();
}

static int set_run(const char *val, const struct kernel_param *kp)
{
	lp_course();
	start();
	return 0;
}

/* Writing blocks until the provocation is over; for ever if the machine does not survive it. */
static int set_wait(const char *val, const struct kernel_param *kp)
{
	return lp_provoke_wait();
}

/* The init's own events: a word as it goes to the port. */
static int set_ring(const char *val, const struct kernel_param *kp)
{
	u32 word;
	int err = kstrtou32(val, 0, &word);

	if (!err)
		lp_ring(word & 0xff, word >> 8);
	return err;
}

static const struct kernel_param_ops run_ops = { .set = set_run };
static const struct kernel_param_ops wait_ops = { .set = set_wait };
static const struct kernel_param_ops ring_ops = { .set = set_ring };
module_param_cb(run, &run_ops, NULL, 0200);
module_param_cb(wait, &wait_ops, NULL, 0200);
module_param_cb(ring, &ring_ops, NULL, 0200);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
static void on_sysrq(u8 key)
#else
static void on_sysrq(int key)
#endif
{
	start();
}

static const struct sysrq_key_op sysrq_op = {
	.handler = on_sysrq,
	.help_msg = "lastpage(y)",
	.action_msg = "lastpage",
	.enable_mask = SYSRQ_ENABLE_DUMP,
};

static bool valid(void)
{
	const struct lp_plan *p = &lp_plan;

	return p->run_id && strlen(p->run_id) == LP_RUN_ID &&
	       p->backlog >= 0 && p->delay_ms >= 0 && p->flood_us >= 0 &&
	       p->record_len >= LP_RECORD_MIN && p->record_len <= LP_RECORD_MAX &&
	       p->backlog_cpu >= 0 && p->backlog_cpu < nr_cpu_ids && cpu_online(p->backlog_cpu) &&
	       p->provoke_cpu >= 0 && p->provoke_cpu < nr_cpu_ids && cpu_online(p->provoke_cpu) &&
	       p->provoke >= 0 && p->provoke < LP_PROVOKES && p->context >= 0 && p->context < LP_CONTEXTS &&
	       p->die_at >= 0 && p->die_at < LP_STEPS && p->die_how >= 0 && p->die_how < LP_DEATHS &&
	       p->nested >= 0 && p->nested < LP_NESTS;
}

static int __init probe_init(void)
{
	int err;

	if (!valid())
		return -EINVAL;
	err = lp_death_init();
	if (!err)
		err = lp_provoke_init();
	if (!err)
		err = lp_backlog_init();
	if (!err)
		err = register_sysrq_key('y', &sysrq_op);
	/* Threads that sleep in this module's text remain: pinned, even if it did not come up whole. */
	__module_get(THIS_MODULE);
	if (err)
		pr_err("lastpage: probe: error %d\n", err);
	return 0;
}
module_init(probe_init);

/* No exit function: the module stays until the machine goes. */
MODULE_DESCRIPTION("lastpage probe: backlog, provocation, death");
MODULE_LICENSE("GPL");
