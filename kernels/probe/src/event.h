/* SPDX-License-Identifier: GPL-2.0-only */
/* The numbers of the doorbell and of the plan. They are those of kernels/plan/event.go; a test compares them. */
#ifndef LASTPAGE_EVENT_H
#define LASTPAGE_EVENT_H

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

#endif
