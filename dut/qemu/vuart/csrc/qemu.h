/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What we use of the inside of QEMU. Debian's qemu-system-x86_64 exports all of it (it is built with loadable modules), but
 * none of it is a promised interface: the layouts were read in 7.2 and 10.0 and agree, and the self-test at start finds out
 * about the rest. Objects whose size would matter are given as oversized zeroed buffers.
 */
#ifndef VUART_QEMU_H
#define VUART_QEMU_H

#include <stdbool.h>
#include <stdint.h>

#include "x86.h"

typedef struct {
	uint64_t (*read)(void *opaque, uint64_t addr, unsigned size);
	void (*write)(void *opaque, uint64_t addr, uint64_t v, unsigned size);
	void *read_with_attrs, *write_with_attrs;
	int endianness; /* 2: little */
	struct {
		unsigned min, max;
		bool unaligned;
		void *accepts;
	} valid;
	struct {
		unsigned min, max;
		bool unaligned;
	} impl;
} MemoryRegionOps; /* include/exec/memory.h */

typedef struct Notifier {
	void (*notify)(struct Notifier *n, void *data);
	void *node[2];
} Notifier; /* include/qemu/notify.h */

enum { QEMU_CLOCK_REALTIME = 0, QEMU_CLOCK_VIRTUAL = 1, QEMU_CLOCK_HOST = 2 };
enum { RUN_STATE_PAUSED = 4 };             /* qapi/run-state.json */
enum { SHUTDOWN_CAUSE_GUEST_RESET = 7 };   /* the same */
enum { DEVICE_LITTLE_ENDIAN = 2 };

void memory_region_init_io(void *mr, void *owner, const MemoryRegionOps *ops, void *opaque, const char *name, uint64_t size);
void memory_region_add_subregion_overlap(void *mr, uint64_t off, void *sub, int priority);
void *get_system_memory(void);
void qemu_set_irq(void *irq, int level);
void qemu_add_machine_init_done_notifier(Notifier *n);
void qemu_register_reset(void (*f)(void *), void *opaque);
void *qemu_add_vm_change_state_handler(void (*f)(void *opaque, bool running, int state), void *opaque);

int64_t qemu_clock_get_ns(int clock);
void qemu_clock_enable(int clock, bool on);
void timer_init_full(void *timer, void *lists, int clock, int scale, int attributes, void (*cb)(void *), void *opaque);
void *timerlist_new(int clock, void (*notify)(void *opaque, int clock), void *opaque);
void timer_mod_ns(void *timer, int64_t ns);
void timer_del(void *timer);

void nmi_monitor_handle(int cpu, void **err);
void error_free(void *err);
void qemu_system_vmstop_request_prepare(void);
void qemu_system_vmstop_request(int state);
void qemu_system_reset_request(int cause);
bool qemu_in_vcpu_thread(void);
void cpu_stop_current(void);
bool cpu_thread_is_idle(void *cpu);
void *qemu_get_cpu(int i);
void cpu_exit(void *cpu);
extern __thread void *current_cpu;

union run_on_cpu_data {
	void *ptr;
	uint64_t value;
}; /* include/hw/core/cpu.h */
void async_run_on_cpu(void *cpu, void (*f)(void *cpu, union run_on_cpu_data d), union run_on_cpu_data d);
void tb_flush(void *cpu);
void *object_class_by_name(const char *name);
void icount_start_warp_timer(void);
void rcu_add_force_rcu_notifier(Notifier *n);
void rcu_remove_force_rcu_notifier(Notifier *n);

extern int use_icount;
int64_t icount_to_ns(int64_t icount);

/* Fast-forward. */
extern char timers_state[];
int64_t icount_get(void);
int64_t qemu_clock_deadline_ns_all(int clock, int attributes);
void qemu_timer_notify_cb(void *opaque, int clock);
int cpu_memory_rw_debug(void *cpu, uint64_t vaddr, void *buf, uint64_t len, bool write);
void *g_byte_array_new(void); /* GLib; its first member is the data pointer */
void *g_byte_array_set_size(void *byte_array, unsigned n);

#endif
