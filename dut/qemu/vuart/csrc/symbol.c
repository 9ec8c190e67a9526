/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol.h"

#include "ff.h"
#include "qemu.h"

#include <string.h>

/* QEMU's documented plugin interface, include/qemu/qemu-plugin.h */
struct qemu_plugin_tb;
struct qemu_plugin_insn;
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*cb)(uint64_t id, struct qemu_plugin_tb *tb));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, void (*cb)(unsigned cpu, void *data), int flags,
                                            void *data);

static struct device *dev;
static uint64_t id;
static bool registered, ran;
static uint64_t watched[PAGE_TRIGGERS]; /* 0: none */

static void fire(void *cpu, union run_on_cpu_data data)
{
	(void)cpu;
	device_symbol(dev, data.value);
}

static void executed(unsigned cpu, void *data)
{
	unsigned i = (uintptr_t)data;

	(void)cpu;
	ff_forget(); /* no occurrence may be left out */
	if (triggers_hit(dev, i))
		async_run_on_cpu(current_cpu, fire, (union run_on_cpu_data){ .value = i });
}

static void translated(uint64_t plugin, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	(void)plugin;
	for (size_t k = 0; k < n; k++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, k);
		uint64_t at = qemu_plugin_insn_vaddr(insn);

		for (uintptr_t i = 0; i < PAGE_TRIGGERS; i++)
			if (watched[i] && watched[i] == at)
				qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, 0, (void *)i);
	}
}

void symbols_init(struct device *d, uint64_t plugin_id)
{
	dev = d;
	id = plugin_id;
}

void symbols_arm(void)
{
	uint64_t want[PAGE_TRIGGERS] = { 0 };
	bool any = false;

	for (unsigned i = 0; i < PAGE_TRIGGERS; i++)
		if (dev->pg->trigger[i].kind == TRIGGER_SYMBOL) {
			want[i] = dev->pg->trigger[i].vaddr;
			any = true;
		}
	if (memcmp(want, watched, sizeof(want))) {
		memcpy(watched, want, sizeof(want));
		if (any && !registered) {
			qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
			registered = true;
		}
		if (ran) /* what was translated before does not know */
			tb_flush(qemu_get_cpu(0));
	}
	ran = true;
}
