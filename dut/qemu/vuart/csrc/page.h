/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page: one file, mapped by the harness (Go, layout.go) and by QEMU. All state of the device lives here, so a copy of
 * the file that goes with a snapshot of the VM is a snapshot of the device, and what the guest sent is still there when QEMU
 * is gone. Little endian, x86-64 alignment; a test compares every offset with the Go side.
 *
 * Who writes what: "H" the harness, "P" the plugin. Ring heads are stored with release order after the data they cover,
 * tails likewise by the reader. Indices count for ever; slot = index % cap, and cap is a power of two.
 */
#ifndef VUART_PAGE_H
#define VUART_PAGE_H

#include <assert.h>
#include <stdint.h>

#include "uart16550.h"

#define PAGE_MAGIC "LPVUART"
#define PAGE_VERSION 3
#define PAGE_TRIGGERS 16
#define PAGE_PATTERN 64
#define PAGE_TRIGGER_RX 32
#define PAGE_INBOX 1024  /* items that the harness may have waiting */
#define PAGE_ANSWERS 512 /* items that triggers may have waiting */

/* A frame on the line. end_ns is rounded down; ninths (0..8) is what that took off. dur_ns saturates. */
struct page_rec {
	int64_t end_ns;
	uint32_t dur_ns;
	uint8_t byte;
	uint8_t flags; /* FRAME_MASKED, _BREAK, _CHANGED, _CUT */
	uint8_t lcr;   /* format: bits 0..5 of LCR */
	uint8_t ninths;
};

enum {
	EVENT_DOORBELL = 1, /* code, arg as rung */
	EVENT_TRIGGER,      /* the condition of trigger arg was met; code = its action */
	EVENT_ACTION,       /* its action was carried out */
	EVENT_RESET,        /* the guest's machine was reset */
	EVENT_FORMAT,       /* LCR or divisor now: arg = LCR << 16 | divisor */
	EVENT_RUN,          /* VM runs (arg 1) or stands (arg 0) */
};

struct page_event {
	int64_t ns;
	uint64_t wire; /* frames on the line so far */
	uint64_t writes; /* to THR so far */
	uint32_t arg;
	uint8_t code;
	uint8_t writer; /* the vCPU that had written to THR last; 255: none yet */
	uint8_t kind;
	uint8_t cpu; /* 255: not from a vCPU */
};

enum { TRIGGER_NONE, TRIGGER_BYTE, TRIGGER_TIME, TRIGGER_EVENT, TRIGGER_PATTERN, TRIGGER_QUIET, TRIGGER_SYMBOL };
enum { ACTION_NONE, ACTION_NMI, ACTION_RX, ACTION_STOP, ACTION_POWERCUT, ACTION_RESET };
enum { TRIGGER_RELATIVE = 1 };

struct page_key {
	uint8_t byte, flags;
};

struct page_trigger {
	/* H, while the VM stands */
	uint32_t kind, action;
	uint32_t after; /* 1 + index of the trigger that arms this one; 0: armed from the start */
	uint32_t flags;
	int64_t n;        /* BYTE, EVENT, SYMBOL: which one; TIME, QUIET: ns */
	int64_t delay_ns; /* from condition to action */
	uint64_t vaddr;   /* SYMBOL */
	uint32_t code;    /* EVENT */
	uint32_t pattern_len, rx_len;
	uint32_t brk_ns;  /* length of a BREAK in rx; 0: one frame */
	uint8_t pattern[PAGE_PATTERN];
	struct page_key rx[PAGE_TRIGGER_RX];
	/* P */
	uint32_t armed, fired, acted, match;
	int64_t base_ns, base_wire, base_count;
	int64_t count; /* EVENT, SYMBOL: occurrences so far */
	int64_t fired_ns, fired_wire, acted_ns, due_ns;
};

enum { STATE_CREATED, STATE_LOADED, STATE_READY, STATE_RAN, STATE_CUT, STATE_REFUSED };
enum { DOORBELL_NONE, DOORBELL_PORT, DOORBELL_ADDRESS };
enum { FF_OFF, FF_ON, FF_IMPOSSIBLE };

struct page_ff {
	uint64_t jumps, jumped_ns;
	uint64_t odd;   /* polls whose state did not repeat affinely */
	uint64_t busy;  /* polls refused because another vCPU was at work */
	uint64_t polls; /* looked at */
	uint64_t unreadable; /* registers or stack could not be read */
};

/*
 * How vCPUs took turns. A gap is a time of more than 0.1 ms in which the line idled in the middle of a line of text; what its time was
 * is told of the vCPU that had written last.
 */
struct page_turns {
	uint64_t fair; /* 1: turns are fair (slice.c), and the rest is known */
	uint64_t gaps;
	int64_t own_ns, others_ns, asleep_ns; /* it had turns; it was at work and others had them; it was halted */
	int64_t wait_ns;                      /* the longest in which it was at work and had no turn, of gaps of any length */
	uint64_t wait_byte;                   /* the byte that waited, of those written to the transmitter */
};

struct page {
	/* H, before QEMU starts */
	uint8_t magic[8];
	uint32_t version, header_size;
	uint64_t file_size, recs_off, events_off;
	uint32_t recs_cap, events_cap, rec_size, event_size;
	uint32_t base_baud, io_port, irq, doorbell_is;
	uint32_t page_flags, knob; /* knob: what the guest reads at doorbell + 4; the harness may turn it while the VM stands */
	uint64_t doorbell; /* an I/O port or a physical address, as doorbell_is says */
	uint32_t course, course_pad; /* what the guest reads at doorbell + 8; as the knob */

	/* P */
	uint32_t state, ff_state;
	uint32_t ncpu, icount_ns; /* ns per instruction; 0: no icount */
	uint64_t attached;        /* how often a QEMU was started on this page */
	char error[160];
	int64_t late_max_ns;      /* of the device's own timer; under icount it must stay below icount_ns */
	uint64_t clock_back;      /* how often the virtual clock was seen to run backwards: must be 0 */
	int64_t last_ns;
	uint64_t recs_lost, events_lost, answers_lost; /* rings were full: the trial is void */
	uint64_t irq_edges;
	uint64_t cut_ns;

	uint64_t recs_head, events_head, inbox_tail, inbox_seen; /* P */
	uint64_t answers_head, answers_tail;                     /* P */
	uint64_t recs_tail, events_tail, inbox_head;             /* H */
	uint32_t inputs, inputs_gen;      /* H: MSR bits 4..7 as the far end drives them; a new gen says look */
	uint32_t inputs_seen;             /* P */
	uint32_t trigger_gen, trigger_seen; /* H, P */
	uint32_t writer;                    /* P: as in page_event */
	uint32_t solo;                      /* P: 1 if no other thread of QEMU has a say in the guest's course (solo.c) */

	uint64_t by_code[256]; /* P: doorbell events of each code */
	struct page_trigger trigger[PAGE_TRIGGERS];
	struct page_ff ff;
	struct page_turns turns;
	struct uart16550 uart;
	struct uart_rx_item inbox[PAGE_INBOX]; /* H; at_ns 0: as soon as it is seen, then P writes the time */
	struct uart_rx_item answers[PAGE_ANSWERS]; /* P */
};

static_assert(sizeof(struct page_rec) == 16, "page_rec");
static_assert(sizeof(struct page_event) == 32, "page_event");
static_assert(sizeof(struct uart_rx_item) == 16, "uart_rx_item");

#endif
