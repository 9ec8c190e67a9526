/* SPDX-License-Identifier: GPL-2.0-only */
/* lastpage probe: what its files share. */
#ifndef LASTPAGE_PROBE_H
#define LASTPAGE_PROBE_H

#include <linux/kernel.h>
#include <linux/types.h>
#include <linux/version.h>
#include "event.h"
#include "record.h"

#undef pr_fmt
#define pr_fmt(fmt) fmt

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
#define LP_DOORBELL_WORD 0x4c50444c
u32 lp_knob(void);				/* us added to delay_ms; any context */
u32 lp_course_word(void);			/* 0: no course was drawn; any context */
void lp_sleep_until(bool *flag);		/* a kthread; woken by lp_wake */
int lp_sleep_for_ever(void);			/* how a kthread of ours ends */
void lp_wake(bool *flag, struct task_struct *task);	/* any context, also hard irq on PREEMPT_RT */

/* course.c */
void lp_course(void);			/* disturbs the machine as the course wants it; may sleep */

/* backlog.c */
void lp_store(char kind, u32 n);	/* prints one self-verifying record; preemption must be off */
int lp_backlog_init(void);
void lp_backlog_start(void);		/* any context but NMI */
void lp_flood(bool on);			/* any context but NMI */

/* provoke.c */
int lp_provoke_init(void);
void lp_provoke_arm(void);		/* irqs on; the provocation follows after delay_ms and the knob */
int lp_provoke_wait(void);

/* death.c */
int lp_death_init(void);

noinline void lp_warn(void);
noinline void lp_oops(void);

#endif
