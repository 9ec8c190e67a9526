/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives the device without QEMU, for the Go tests: drive PAGE reads batches of operations from stdin, each at a virtual time
 * that the test chooses, and answers with what came of them. The machine is a recorder; its timer is exact.
 *
 * A batch is a u32 count and that many struct op; the answer is a u32 count and that many struct result.
 */
#include "device.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OP_READ, OP_WRITE, OP_DOORBELL, OP_RX, OP_UNTIL, OP_RESET, OP_INPUTS, OP_RUN, OP_REATTACH, OP_INIT, OP_SYMBOL };
enum { RESULT_VALUE, RESULT_IRQ, RESULT_NMI, RESULT_STOP, RESULT_RESET };

struct op {
	uint8_t op, reg, val, flags;
	uint32_t arg;
	int64_t ns;
};

struct result {
	uint8_t what, val, pad[6];
	int64_t ns;
};

static struct device dev;
static struct page *page, *pristine;
static uint64_t size;
static int64_t now, due = UART_NEVER;
static struct result *results;
static uint32_t n, cap;

static void result(uint8_t what, uint8_t val)
{
	if (n == cap)
		results = realloc(results, (cap = cap ? 2 * cap : 1024) * sizeof(*results));
	results[n++] = (struct result){ .what = what, .val = val, .ns = now };
}

static int64_t now_ns(void) { return now; }
static void irq(int level) { result(RESULT_IRQ, level); }
static void arm(int64_t ns) { due = ns; }
static void nmi(void) { result(RESULT_NMI, 0); }
static void stop(void) { result(RESULT_STOP, 0); }
static void reset(void) { result(RESULT_RESET, 0); }
static uint8_t cpu(void) { return 0; }
static const struct machine machine = { now_ns, irq, arm, nmi, stop, reset, cpu };

/* Let time pass; the timer goes off exactly when it is due. */
static void until(int64_t ns)
{
	while (due <= ns) {
		if (due > now)
			now = due;
		due = UART_NEVER;
		device_tick(&dev);
	}
	if (ns > now)
		now = ns;
}

static void attach(bool fresh)
{
	const char *wrong = device_attach(&dev, page, size, &machine, fresh);

	if (wrong) {
		fprintf(stderr, "drive: page %s\n", wrong);
		exit(1);
	}
	if (page->state == STATE_LOADED)
		page->state = STATE_READY;
	due = UART_NEVER;
}

static void carry_out(const struct op *o)
{
	if (o->op != OP_INIT)
		until(o->ns);
	switch (o->op) {
	case OP_READ:
		result(RESULT_VALUE, device_read(&dev, o->reg));
		break;
	case OP_WRITE:
		device_write(&dev, o->reg, o->val);
		break;
	case OP_DOORBELL:
		device_doorbell(&dev, o->arg);
		break;
	case OP_RX:
		page->inbox[page->inbox_head % PAGE_INBOX] = (struct uart_rx_item){ now, o->arg, o->val, o->flags, 0 };
		page->inbox_head++;
		device_poll(&dev);
		break;
	case OP_RESET:
		device_reset(&dev);
		break;
	case OP_INPUTS:
		page->inputs = o->val;
		page->inputs_gen++;
		device_poll(&dev);
		break;
	case OP_RUN:
		device_run(&dev, o->val);
		break;
	case OP_REATTACH: /* what a snapshot does: nothing but the page survives */
		device_run(&dev, false);
		memset(&dev, 0x5a, sizeof(dev));
		attach(false);
		device_run(&dev, true);
		break;
	case OP_INIT:
		memcpy(page, pristine, sizeof(*page));
		now = o->ns;
		attach(true);
		break;
	case OP_SYMBOL:
		if (triggers_hit(&dev, o->arg % PAGE_TRIGGERS))
			device_symbol(&dev, o->arg % PAGE_TRIGGERS);
		break;
	}
}

int main(int argc, char **argv)
{
	int fd = argc == 2 ? open(argv[1], O_RDWR) : -1;
	struct stat st;
	uint32_t count;
	struct op *ops = NULL;

	if (fd < 0 || fstat(fd, &st))
		return 2;
	size = st.st_size;
	page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return 2;
	pristine = malloc(sizeof(*page));
	memcpy(pristine, page, sizeof(*page));
	while (fread(&count, sizeof(count), 1, stdin) == 1) {
		ops = realloc(ops, count * sizeof(*ops));
		if (fread(ops, sizeof(*ops), count, stdin) != count)
			return 2;
		n = 0;
		for (uint32_t i = 0; i < count; i++)
			carry_out(&ops[i]);
		fwrite(&n, sizeof(n), 1, stdout);
		fwrite(results, sizeof(*results), n, stdout);
		fflush(stdout);
	}
	free(ops);
	free(results);
	free(pristine);
	return 0;
}
