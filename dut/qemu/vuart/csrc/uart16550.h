/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A 16550A in virtual time. No QEMU symbol and no clock in here: every call is told the time, so the same code runs inside
 * QEMU and in the unit tests.
 *
 * The state is evaluated lazily: uart_sync() brings it to a given instant by carrying out, in order of time, everything that
 * a chip would have done since. Nothing is ever late: a register that is read at t has the value it has at t, whenever the
 * host gets round to it. Time must not run backwards.
 *
 * Unit of time: 1/9 ns, because a bit at 115200 baud is 78125/9 ns. Times are int64 (32 years).
 *
 * "DS" is the data sheet PC16550D, National Semiconductor (now TI), TL/C/8652, June 1995. docs/wire.md lists what is left out.
 */
#ifndef UART16550_H
#define UART16550_H

#include <stdbool.h>
#include <stdint.h>

#define UART_UNITS_PER_NS 9
#define UART_NEVER INT64_MAX
#define UART_FIFO 16

/* Offsets, DS table II. 0 and 1 are the divisor latch while LCR.7 is set. */
enum { UART_DATA, UART_IER, UART_IIR_FCR, UART_LCR, UART_MCR, UART_LSR, UART_MSR, UART_SCR, UART_REGS };

enum {
	IER_RDI = 1, IER_THRI = 2, IER_RLSI = 4, IER_MSI = 8,
	IIR_MSI = 0, IIR_NONE = 1, IIR_THRI = 2, IIR_RDI = 4, IIR_RLSI = 6, IIR_TIMEOUT = 12, IIR_FIFO = 0xc0,
	FCR_ENABLE = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4, FCR_KEPT = 0xc9,
	LCR_STOP = 4, LCR_PARITY = 8, LCR_BREAK = 0x40, LCR_DLAB = 0x80, LCR_FORMAT = 0x3f,
	MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 0x10, MCR_MASK = 0x1f,
	LSR_DR = 1, LSR_OE = 2, LSR_PE = 4, LSR_FE = 8, LSR_BI = 0x10, LSR_THRE = 0x20, LSR_TEMT = 0x40, LSR_FIFO_ERR = 0x80,
	LSR_CHAR = LSR_PE | LSR_FE | LSR_BI,
	MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80,
};

/* What happened to a transmitted frame on its way out. */
enum {
	FRAME_MASKED = 1,  /* LCR.6 held the line low during part of it: nobody can have read it */
	FRAME_BREAK = 2,   /* not a character: the line was held low from start to end */
	FRAME_CHANGED = 4, /* format, rate or loopback changed while it was being shifted: a receiver gets it wrong */
	FRAME_CUT = 8,     /* a reset or a power cut ended it early */
	FRAME_LOOP = 16,   /* went to our own receiver, the line stayed high (never shown outside) */
};

/* One frame that has left the shift register. Times in units. */
struct uart_frame {
	int64_t start, end;
	uint8_t byte;  /* only the bits of the word length */
	uint8_t flags; /* FRAME_* */
	uint8_t lcr;   /* format it was started with */
};

/* One thing that the far end sends. */
struct uart_rx_item {
	int64_t at_ns;   /* earliest begin of the start bit; the line may be busy longer */
	uint32_t dur_ns; /* of a BREAK; at least a frame */
	uint8_t byte;
	uint8_t flags;   /* LSR_PE, LSR_FE, LSR_BI */
	uint16_t spare;
};

/* Counters. writes == wire + looped + overwritten + flushed + cut + what FIFO and shift register hold. */
struct uart_counts {
	uint64_t writes;      /* to THR */
	uint64_t wire;        /* frames that left on the line, whole (masked and changed ones included) */
	uint64_t looped;
	uint64_t overwritten; /* the guest wrote to a full transmitter: one byte was lost by the guest's own doing */
	uint64_t flushed;     /* in the transmit FIFO when it was cleared */
	uint64_t cut;         /* in FIFO or shift register at a reset or power cut */
	uint64_t masked, changed;
	uint64_t rx_line;     /* characters that arrived from outside (a BREAK is one) */
	uint64_t rx_read;     /* by the guest */
	uint64_t rx_overrun, rx_flushed;
	uint64_t rx_deaf;     /* arrived while looped back or during a reset */
	uint64_t lsr_reads, reads, accesses;
};

/* The whole state of the chip and of the line into it. No pointers: a copy of the bytes is a copy of the device. */
struct uart16550 {
	uint32_t base; /* baud at divisor 1; 115200 on a PC */
	uint16_t divisor;
	uint8_t ier, fcr, lcr, mcr, scr;
	uint8_t inputs; /* MSR_CTS.. as the far end drives them */
	uint8_t delta;  /* MSR bits 0..3 */
	uint8_t overrun; /* LSR_OE or 0 */

	uint8_t tx_fifo[UART_FIFO], tx_head, tx_n;
	uint8_t tx_busy, tx_byte, tx_lcr, tx_flags;
	uint8_t tx_two; /* at least two bytes were in the FIFO at once since it was last empty */
	uint8_t thri;   /* the THR-empty interrupt is due from thri_at on */
	uint8_t brk;
	uint8_t irq;    /* level last put out; kept by the caller of uart_irq */
	uint8_t rbr;    /* what a read of an empty receiver returns */
	uint8_t rx_late; /* the time-out interrupt is latched */
	uint8_t rx_fifo[UART_FIFO], rx_flag[UART_FIFO], rx_head, rx_n;
	uint8_t rx_busy, rx_byte, rx_flags, pad[1];
	int64_t tx_start, tx_end, thri_at, brk_start, tx_last; /* tx_last: end of the last frame on the line */
	int64_t rx_end, rx_line_free, rx_touched; /* last arrival in or read from the receive FIFO */
	struct uart_counts n;
};

/* The outside of the chip. frame is called in order of end; rx_peek and rx_take may be NULL for a line nobody drives. */
struct uart_line {
	void *ctx;
	void (*frame)(void *ctx, const struct uart_frame *f);
	const struct uart_rx_item *(*rx_peek)(void *ctx);
	void (*rx_take)(void *ctx);
};

void uart_init(struct uart16550 *u, uint32_t base); /* power on */
void uart_reset(struct uart16550 *u, const struct uart_line *l, int64_t t);
void uart_cut(struct uart16550 *u, const struct uart_line *l, int64_t t); /* power off: what is inside never gets out */
void uart_sync(struct uart16550 *u, const struct uart_line *l, int64_t t);
uint8_t uart_read(struct uart16550 *u, const struct uart_line *l, int64_t t, unsigned reg);
void uart_write(struct uart16550 *u, const struct uart_line *l, int64_t t, unsigned reg, uint8_t v);
void uart_inputs(struct uart16550 *u, uint8_t msr_bits);

int64_t uart_bit(const struct uart16550 *u);
int64_t uart_frame_time(const struct uart16550 *u, uint8_t lcr); /* start bit to the end of the last stop bit */
bool uart_irq(struct uart16550 *u, int64_t t);                   /* level of the ISA line */
uint8_t uart_lsr(const struct uart16550 *u);                     /* without the side effects of a read */
bool uart_tx_idle(const struct uart16550 *u);

/* After uart_sync(t): the next instant at which, left alone, ... UART_NEVER if none. */
int64_t uart_next_irq(const struct uart16550 *u, const struct uart_line *l, int64_t t); /* ... uart_irq may change */
int64_t uart_next_lsr(const struct uart16550 *u, const struct uart_line *l, int64_t t); /* ... a read of LSR may differ */
int64_t uart_tx_end_of(const struct uart16550 *u, unsigned k); /* ... the k-th of the bytes inside is out; 0 = shift register */

#endif
