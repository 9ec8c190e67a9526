// SPDX-License-Identifier: GPL-2.0-only
/*
 * A course: what is different from one boot of a machine to the next, after a restore from one snapshot. The harness draws a word; from it
 * follow how much later the plan starts, and what the machine did shortly before: which CPU printed last, who slept on which CPU.
 */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/smp.h>
#include "probe.h"

/* xorshift32 (Marsaglia, J. Stat. Softw. 8/14, 2003); the state is never 0. */
static u32 next(u32 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void say(void *n)
{
	printk(KERN_INFO "lastpage: course noise %ld\n", (long)n);
}

/* May sleep. */
void lp_course(void)
{
	u32 word = lp_course_word(), us = word & 0xfffff, noise = word >> 20, i, n;

	if (!word)
		return;
	if (noise) {
		noise *= 2654435761u;	/* Knuth's: neighbours have nothing in common */
		n = 1 + next(&noise) % 4;
		for (i = 0; i < n; i++) {
			u32 cpu = next(&noise) % num_online_cpus(), pause = next(&noise) % 5000;

			smp_call_function_single(cpu, say, (void *)(long)i, 1);
			if (pause)
				usleep_range(pause, pause + 1);
		}
	}
	if (us)
		usleep_range(us, us + 1);
}
