/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Puts the device into QEMU: -plugin vuart.so,page=FILE[,mode=resume][,ff=on][,live=MS]
 *
 * The chip lies over QEMU's own serial port (keep `-serial null`, so that firmware and ACPI still announce a COM1), the
 * doorbell on a port or an address of its own. No code of the guest is instrumented for it.
 *
 *   mode=fresh   (default) the page was just made; the chip powers on
 *   mode=resume  the page was copied together with a snapshot of the VM; with -loadvm the chip goes on where it was
 *   ff=on        fast-forward, see ff.c
 *   live=MS      look into the inbox every MS ms of host time: for a harness that types at a running machine. Without it the
 *                inbox is looked at when the VM starts to run. Not for trials that are to be repeated byte by byte.
 */
#define _GNU_SOURCE
#include "device.h"
#include "ff.h"
#include "qemu.h"
#include "slice.h"
#include "solo.h"
#include "spin.h"
#include "symbol.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define MAX_CPUS 255

/* QEMU reads this before it calls anything: 7.2 wants 0 or 1, 10.0 wants 2 to 4. */
EXPORT int qemu_plugin_version = 1;

static struct device dev;
static char uart_region[8192] __attribute__((aligned(64))), bell_region[8192] __attribute__((aligned(64)));
static char uart_timer[512] __attribute__((aligned(64))), live_timer[512] __attribute__((aligned(64)));
static char brake_timer[512] __attribute__((aligned(64)));
static void *irq;
static bool resumed, running, ff_wanted;
static int live_ms;

__attribute__((constructor)) static void which_api(void)
{
	if (dlsym(RTLD_DEFAULT, "qemu_plugin_scoreboard_new"))
		qemu_plugin_version = 4;
}

/* ---- struct machine ---- */

static int64_t now_ns(void)
{
	return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/*
 * What interrupts the guest may come about in the very access that finds the chip in a new state. The guest has it before its next
 * instruction then, so the polls before say nothing about those behind.
 */
static void set_irq(int level)
{
	ff_forget();
	qemu_set_irq(irq, level);
}

static void arm(int64_t ns)
{
	if (ns == UART_NEVER)
		timer_del(uart_timer);
	else
		timer_mod_ns(uart_timer, ns);
}

/* As QMP inject-nmi does: to the local APIC (LINT1) of every CPU. */
static void nmi(void)
{
	void *err = NULL;

	ff_forget();
	nmi_monitor_handle(0, &err);
	if (err) {
		snprintf(dev.pg->error, sizeof(dev.pg->error), "this machine takes no NMI");
		error_free(err);
	}
}

/*
 * A stop is carried out by the main loop, some time later. Under icount nothing may happen until then:
 * vm_stop() from a vCPU thread only holds the vCPU that called it; but all of them share this very thread, so they can be held
 * here and now. And with all vCPUs idle, sleep=off makes the main loop move the virtual clock to the next timer; the brake is
 * a timer that is always due, on a list that nobody ever runs, so that the distance to the next timer is nil.
 */
static void stop(void)
{
	void *me = current_cpu, *cpu;

	qemu_system_vmstop_request_prepare();
	qemu_system_vmstop_request(RUN_STATE_PAUSED);
	if (use_icount)
		timer_mod_ns(brake_timer, 0);
	if (!qemu_in_vcpu_thread())
		return;
	if (!use_icount) {
		cpu_stop_current();
		return;
	}
	for (int i = 0; (cpu = qemu_get_cpu(i)); i++) {
		current_cpu = cpu;
		cpu_stop_current();
	}
	current_cpu = me;
}

static void machine_reset(void)
{
	ff_forget();
	qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
}

static uint8_t cpu_index(void)
{
	void *cpu;

	for (int i = 0; current_cpu && (cpu = qemu_get_cpu(i)) && i < MAX_CPUS; i++)
		if (cpu == current_cpu)
			return i;
	return 255;
}

static const struct machine machine = { now_ns, set_irq, arm, nmi, stop, machine_reset, cpu_index };

/* ---- what QEMU calls ---- */

static uint64_t uart_in(void *opaque, uint64_t addr, unsigned size)
{
	uint8_t v = device_read(&dev, addr);

	(void)opaque, (void)size;
	ff_access(&dev, addr == UART_LSR, v);
	slice_look();
	return v;
}

static void uart_out(void *opaque, uint64_t addr, uint64_t v, unsigned size)
{
	uint64_t writes = dev.pg->uart.n.writes;

	(void)opaque, (void)size;
	device_write(&dev, addr, v);
	if (addr == UART_DATA)
		slice_wrote(v, writes);
	ff_access(&dev, false, 0);
	slice_look();
}

static const MemoryRegionOps uart_ops = {
	.read = uart_in, .write = uart_out, .endianness = DEVICE_LITTLE_ENDIAN, .valid = { 1, 1, false, NULL },
	.impl = { 1, 1, false },
};

/*
 * At offset 0 a word by which a guest knows that there is a doorbell; at 4 the knob and at 8 the course, by which the harness tells
 * a guest that was restored from a snapshot what no plan could tell it before.
 */
static uint64_t bell_in(void *opaque, uint64_t addr, unsigned size)
{
	(void)opaque, (void)size;
	return addr == 4 ? dev.pg->knob : addr == 8 ? dev.pg->course : 0x4c50444c; /* "LDPL" in memory */
}

static void bell_out(void *opaque, uint64_t addr, uint64_t v, unsigned size)
{
	(void)opaque, (void)size;
	if (addr)
		return;
	device_doorbell(&dev, v);
	ff_access(&dev, false, 0);
}

static const MemoryRegionOps bell_ops = {
	.read = bell_in, .write = bell_out, .endianness = DEVICE_LITTLE_ENDIAN, .valid = { 4, 4, false, NULL },
	.impl = { 4, 4, false },
};

static void tick(void *opaque)
{
	(void)opaque;
	device_tick(&dev);
}

static void live_tick(void *opaque)
{
	(void)opaque;
	device_poll(&dev);
	timer_mod_ns(live_timer, qemu_clock_get_ns(QEMU_CLOCK_HOST) + live_ms * INT64_C(1000000));
}

/* QEMU also resets everything once at start and once before a snapshot is loaded: neither is a reset of the guest's. */
static void reset(void *opaque)
{
	(void)opaque;
	if (running)
		device_reset(&dev);
}

static void run_state(void *opaque, bool run, int state)
{
	(void)opaque, (void)state;
	timer_del(brake_timer);
	if (run)
		symbols_arm();
	ff_forget();
	running = run;
	solo_run(run);
	slice_run(run);
	device_run(&dev, run);
}

static void nobody(void *opaque, int clock)
{
	(void)opaque, (void)clock;
}

static void nobody_ticks(void *opaque)
{
	(void)opaque;
}

static void machine_ready(Notifier *n, void *data)
{
	static void *brake_lists[8]; /* QEMUTimerListGroup: one list for each clock */
	struct page *p = dev.pg;

	(void)n, (void)data;
	brake_lists[QEMU_CLOCK_VIRTUAL] = timerlist_new(QEMU_CLOCK_VIRTUAL, nobody, NULL);
	timer_init_full(brake_timer, brake_lists, QEMU_CLOCK_VIRTUAL, 1, 0, nobody_ticks, NULL);
	while (qemu_get_cpu(p->ncpu))
		p->ncpu++;
	p->icount_ns = use_icount ? icount_to_ns(1) : 0;
	irq = board_irq(p->irq);
	timer_init_full(uart_timer, NULL, QEMU_CLOCK_VIRTUAL, 1, 0, tick, NULL);
	memory_region_init_io(uart_region, NULL, &uart_ops, NULL, "lastpage-uart", UART_REGS);
	memory_region_add_subregion_overlap(board_io(), p->io_port, uart_region, 10);
	if (p->doorbell_is != DOORBELL_NONE) {
		memory_region_init_io(bell_region, NULL, &bell_ops, NULL, "lastpage-doorbell", 12);
		memory_region_add_subregion_overlap(p->doorbell_is == DOORBELL_PORT ? board_io() : get_system_memory(), p->doorbell,
		                                    bell_region, 10);
	}
	qemu_register_reset(reset, NULL);
	qemu_add_vm_change_state_handler(run_state, NULL);
	ff_init(&dev, ff_wanted);
	spin_init(&dev);
	slice_init(&dev);
	p->solo = !live_ms && solo_init();
	if (live_ms) {
		timer_init_full(live_timer, NULL, QEMU_CLOCK_HOST, 1, 0, live_tick, NULL);
		timer_mod_ns(live_timer, qemu_clock_get_ns(QEMU_CLOCK_HOST));
	}
	if (p->state == STATE_LOADED)
		p->state = STATE_READY;
}

static Notifier ready = { .notify = machine_ready };

/* ---- install ---- */

static int refuse(const char *what, const char *why)
{
	fprintf(stderr, "vuart: %s: %s\n", what, why);
	return 1;
}

static int attach(const char *path)
{
	struct stat st;
	const char *wrong;
	void *m;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return refuse(path, strerror(errno));
	if (fstat(fd, &st) || st.st_size < (off_t)sizeof(struct page)) {
		close(fd);
		return refuse(path, "is no page: too short");
	}
	m = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (m == MAP_FAILED)
		return refuse(path, strerror(errno));
	wrong = device_attach(&dev, m, st.st_size, &machine, !resumed);
	if (wrong)
		return refuse(path, wrong);
	/* These belong to this process, not to the machine's past. */
	dev.pg->ncpu = dev.pg->ff_state = 0;
	memset(dev.pg->error, 0, sizeof(dev.pg->error));
	return 0;
}

static const char *value(const char *arg, const char *key)
{
	size_t n = strlen(key);

	return !strncmp(arg, key, n) && arg[n] == '=' ? arg + n + 1 : NULL;
}

static bool yes(const char *v)
{
	return !strcmp(v, "on") || !strcmp(v, "1") || !strcmp(v, "yes") || !strcmp(v, "true");
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	const char *page = NULL, *v;

	(void)info;
	for (int i = 0; i < argc; i++) {
		if ((v = value(argv[i], "page")))
			page = v;
		else if ((v = value(argv[i], "mode")) && (!strcmp(v, "fresh") || !strcmp(v, "resume")))
			resumed = !strcmp(v, "resume");
		else if ((v = value(argv[i], "ff")))
			ff_wanted = yes(v);
		else if ((v = value(argv[i], "live")) && atoi(v) > 0)
			live_ms = atoi(v);
		else
			return refuse(argv[i], "is no option; there are page=FILE, mode=fresh|resume, ff=on|off, live=MS");
	}
	if (!page)
		return refuse("page=FILE", "is missing");
	if (attach(page))
		return 1;
	symbols_init(&dev, id);
	qemu_add_machine_init_done_notifier(&ready);
	return 0;
}
