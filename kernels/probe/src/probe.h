/* SPDX-License-Identifier: GPL-2.0-only */
/* lastpage probe: what its files share. The numbers are those of kernels/plan (event.go). */
#ifndef LASTPAGE_PROBE_H
#define LASTPAGE_PROBE_H

#include <linux/kernel.h>
#include <linux/types.h>
#include <linux/version.h>

#undef pr_fmt
#define pr_fmt(fmt) fmt

enum lp_code {
	LP_ARMED = 1, LP_BACKLOG_BEGIN, LP_BACKLOG_STORED, LP_PROVOKE, LP_PROVOKE_DONE, LP_PANIC_CALL,
	LP_NOTIFIER_FIRST, LP_NOTIFIER_LAST, LP_KMSG_DUMP, LP_CRASH_EXEC, LP_DIE, LP_MARK,
};

enum lp_mark { LP_MARK_NESTED = 1, LP_MARK_NESTED_DONE, LP_MARK_PANIC_END };

enum lp_provoke {
	LP_NONE, LP_WARN, LP_PANIC, LP_WARN_PANIC, LP_OOPS, LP_BUG, LP_SOFTLOCKUP, LP_PROVOKES
};

enum lp_context { LP_THREAD, LP_IRQ, LP_NMI, LP_CONTEXTS };

enum lp_step {
	LP_AT_NONE, LP_AT_NOTIFIER_FIRST, LP_AT_NOTIFIER_LAST, LP_AT_KMSG_DUMP, LP_AT_END, LP_AT_CRASH_EXEC, LP_STEPS
};

enum lp_death { LP_HANG, LP_RESET, LP_TRIPLE, LP_DEATHS };

enum lp_nested { LP_NEST_NONE, LP_NEST_WARN, LP_NEST_OOPS, LP_NEST_PANIC_OTHER, LP_NESTS };

#define LP_RUN_ID 8	/* hex digits */
#define LP_RECORD_MAX 900	/* bytes of text, plan.MaxRecordLen */
#define LP_RECORD_MIN 56

/* The plan, from module parameters; read-only once the module is loaded. */
struct lp_plan {
	char *run_id;
	int backlog, record_len, backlog_cpu, provoke_cpu, delay_ms, flood_us;
	int provoke, context, die_at, die_how, nested;
	ushort doorbell;
};

extern struct lp_plan lp_plan;

/* main.c */
void lp_ring(enum lp_code code, u32 arg);	/* any context */
void lp_sleep_until(bool *flag);		/* a kthread; woken by lp_wake */
int lp_sleep_for_ever(void);			/* how a kthread of ours ends */
void lp_wake(bool *flag, struct task_struct *task);	/* any context, also hard irq on PREEMPT_RT */

/* backlog.c */
void lp_store(char kind, u32 n);	/* prints one self-verifying record; preemption must be off */
int lp_backlog_init(void);
void lp_backlog_start(void);		/* any context but NMI */
void lp_flood(bool on);			/* any context but NMI */

/* provoke.c */
int lp_provoke_init(void);
void lp_provoke_arm(void);		/* irqs on; the provocation follows after delay_ms */
int lp_provoke_wait(void);

/* death.c */
int lp_death_init(void);

noinline void lp_warn(void);
noinline void lp_oops(void);

#endif
