/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nobody but the vCPU thread has a say in the guest's course.
 *
 * Under icount all vCPUs take turns in one thread. Where a turn ends is nothing to one vCPU, but with two it decides the order
 * of things, and QEMU lets the host's time and scheduler have their part in it in three places (7.2 to 10.0):
 *
 * 1. A turn has at most as many instructions as lie before the next timer of the virtual clock *or of the host's* ("they help
 *    with input processing", icount_get_limit). A snapshot that came as a migration leaves such timers behind: the announcements to
 *    the network, for half a second, with and without network cards. While the guest runs, that clock stands.
 * 2. When all vCPUs are halted, the main loop moves the virtual clock to the next timer and kicks (icount_start_warp_timer). It
 *    looks whenever it happens to be awake, also between a vCPU's HLT and the accounting of the instructions before it, and
 *    then adds to a clock that is behind. Here the vCPU thread does it by itself, when it is about to sleep: QEMU asks the
 *    accelerator whether a halted vCPU is idle, and our answer moves the clock and is no. The main loop only ever hears no.
 * 3. At the end of a grace period QEMU's RCU thread kicks the vCPU that is running, so that it lets go of what it reads.
 *    Every turn ends at the next virtual timer at the latest: the grace period can wait for that.
 *
 * The main loop is also woken at every virtual timer for the sake of its AioContext's own list of virtual timers, which is for disks and
 * empty here; it then asks for the lock that the vCPU thread wants. That list wakes nobody any more, which saved a quarter of a sweep's time.
 *
 * Measured with two vCPUs from one snapshot, three CPU hogs beside: without this 4 to 11 of 24 trials differed from the rest; with
 * the first alone none of 40, with all none of 100. The other two are races that were read in the source and never seen.
 *
 * A machine that a host types at (live=MS) has no course of its own to protect and is left as it is.
 */
#define _GNU_SOURCE
#include "solo.h"
#include "qemu.h"
#include "slice.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define LIST_WORDS 16
#define LISTS 64
#define CLASS_WORDS 28 /* of AccelOpsClass that are looked at: it has 29 in 7.2 and 32 in 10.0, where the clock is the 25th */

static bool on;
static bool asking; /* vcpu_idle() is at work, in this thread */
static bool unable; /* this machine's clock does not jump (sleep=on) */

bool vcpu_idle(void *cpu)
{
	bool idle, before = asking;

	asking = true;
	idle = cpu_thread_is_idle(cpu);
	asking = before;
	return idle;
}

static bool all_idle(void)
{
	void *cpu;

	for (int i = 0; (cpu = qemu_get_cpu(i)); i++)
		if (!vcpu_idle(cpu))
			return false;
	return true;
}

/* Asked of a vCPU that is halted, runnable and has nothing to do; the lock is held. */
static bool idle(void *cpu)
{
	int64_t deadline;

	(void)cpu;
	if (!qemu_in_vcpu_thread())
		return unable;
	if (asking || unable)
		return true;
	if (!all_idle())
		return false;
	deadline = qemu_clock_deadline_ns_all(QEMU_CLOCK_VIRTUAL, ~0);
	if (deadline < 0)
		return true; /* until somebody sets a timer, which kicks */
	if (deadline > 0) {
		asking = true;
		slice_sleep(true);
		icount_start_warp_timer();
		slice_sleep(false);
		asking = false;
		unable = qemu_clock_deadline_ns_all(QEMU_CLOCK_VIRTUAL, ~0) != 0;
	}
	return unable;
}

static void no_kick(Notifier *n, void *data)
{
	(void)n, (void)data;
}

/* In the vCPU thread. Its notifier is a local variable of its main function; a second one is put before it to get there. */
static void free_of_rcu(void *cpu, union run_on_cpu_data module)
{
	Notifier mine = { .notify = no_kick }, *theirs;
	Dl_info at;

	(void)cpu;
	rcu_add_force_rcu_notifier(&mine);
	theirs = mine.node[0];
	if (theirs && dladdr((void *)theirs->notify, &at) && at.dli_fbase == module.ptr)
		theirs->notify = no_kick;
	rcu_remove_force_rcu_notifier(&mine);
}

static void nobody(void *opaque, int clock)
{
	(void)opaque, (void)clock;
}

/*
 * The lists of a clock are chained (util/qemu-timer.c, struct QEMUTimerList: the link to the next lies two words before the
 * call-back). One more is made, to be found at the head of the chain and to see where the call-back lies. The machine's own list
 * calls qemu_timer_notify_cb and stays as it is.
 */
static void silence_lists(void)
{
	void **list = timerlist_new(QEMU_CLOCK_VIRTUAL, nobody, NULL);
	int cb = 2;

	while (cb < LIST_WORDS && list[cb] != (void *)nobody)
		cb++;
	for (int n = 0; n < LISTS && cb < LIST_WORDS && (list = list[cb - 2]); n++)
		if (list[cb] != (void *)qemu_timer_notify_cb)
			list[cb] = (void *)nobody;
}

/* Where AccelOpsClass holds this function of QEMU's; NULL: nowhere. */
static void **slot(const char *function, Dl_info *at)
{
	void **class = object_class_by_name("tcg-accel-ops");

	for (int i = 1; class && i < CLASS_WORDS; i++)
		if (class[i] && dladdr(class[i], at) && at->dli_sname && !strcmp(at->dli_sname, function))
			return &class[i];
	return NULL;
}

void **accel_slot(const char *function)
{
	Dl_info at;

	return slot(function, &at);
}

/* The member of AccelOpsClass behind kick_vcpu_thread, which TCG leaves empty. */
static void **idle_slot(void **module)
{
	Dl_info at;
	void **kick = slot("rr_kick_vcpu_thread", &at);

	if (!kick || kick[1])
		return NULL;
	*module = at.dli_fbase;
	return kick + 1;
}

void solo_run(bool run)
{
	if (on)
		qemu_clock_enable(QEMU_CLOCK_REALTIME, !run);
}

bool solo_init(void)
{
	union run_on_cpu_data module = { NULL };
	void **slot;

	if (!use_icount)
		return false;
	slot = idle_slot(&module.ptr);
	if (!slot)
		return false;
	*slot = (void *)idle;
	silence_lists();
	async_run_on_cpu(qemu_get_cpu(0), free_of_rcu, module);
	return on = true;
}
