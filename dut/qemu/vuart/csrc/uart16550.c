/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uart16550.h"

#include <string.h>

static const uint8_t rx_trigger[4] = { 1, 4, 8, 14 }; /* FCR.6-7, DS "FIFO Control Register" */

/*
 * A divisor of 0 is outside the data sheet's range (1 to 2^16-1). The baud counter has 16 bits, so 0 counts like 2^16.
 */
static int64_t divisor(const struct uart16550 *u)
{
	return u->divisor ? u->divisor : 65536;
}

static int64_t half_bits(const struct uart16550 *u, int64_t n)
{
	return (n * 4500000000 * divisor(u) + u->base / 2) / u->base;
}

int64_t uart_bit(const struct uart16550 *u)
{
	return half_bits(u, 2);
}

/* DS table "word length" and LCR.2: two stop bits, but one and a half with five data bits. */
int64_t uart_frame_time(const struct uart16550 *u, uint8_t lcr)
{
	int data = 5 + (lcr & 3), parity = lcr & LCR_PARITY ? 1 : 0;
	int stop_halves = !(lcr & LCR_STOP) ? 2 : data == 5 ? 3 : 4;

	return half_bits(u, 2 * (1 + data + parity) + stop_halves);
}

static uint8_t word(uint8_t lcr, uint8_t v)
{
	return v & (0xff >> (3 - (lcr & 3)));
}

static bool fifos(const struct uart16550 *u)
{
	return u->fcr & FCR_ENABLE;
}

static unsigned depth(const struct uart16550 *u)
{
	return fifos(u) ? UART_FIFO : 1;
}

static unsigned trigger_level(const struct uart16550 *u)
{
	return fifos(u) ? rx_trigger[u->fcr >> 6] : 1;
}

/* With no item under way: when would the next one begin? */
static int64_t rx_begin(const struct uart16550 *u, const struct uart_line *l)
{
	const struct uart_rx_item *i = l->rx_peek ? l->rx_peek(l->ctx) : NULL;
	int64_t at;

	if (!i)
		return UART_NEVER;
	at = i->at_ns * UART_UNITS_PER_NS;
	return at > u->rx_line_free ? at : u->rx_line_free;
}

/* ---- transmitter ---- */

static void tx_load(struct uart16550 *u, int64_t t)
{
	int64_t frame = uart_frame_time(u, u->lcr);

	u->tx_byte = word(u->lcr, u->tx_fifo[u->tx_head]);
	u->tx_head = (u->tx_head + 1) % UART_FIFO;
	u->tx_n--;
	u->tx_busy = 1;
	u->tx_lcr = u->lcr;
	u->tx_flags = (u->brk ? FRAME_MASKED : 0) | (u->mcr & MCR_LOOP ? FRAME_LOOP : 0);
	u->tx_start = t;
	u->tx_end = t + frame;
	if (u->tx_n)
		return;
	/*
	 * The transmitter is ready for more. In FIFO mode the interrupt is held back for a character less its last stop bit
	 * unless two bytes were waiting at once (DS "FIFO Interrupt Mode Operation", B); the LSR bit is not.
	 */
	u->thri = 1;
	u->thri_at = fifos(u) && !u->tx_two ? u->tx_end - uart_bit(u) : t;
	u->tx_two = 0;
}

static void rx_push(struct uart16550 *u, int64_t t, uint8_t byte, uint8_t flags)
{
	if (u->rx_n == depth(u)) {
		u->overrun = LSR_OE;
		u->n.rx_overrun++;
		/* DS LSR bit 1: with FIFOs the character in the shift register is lost, without the one in RBR. */
		if (!fifos(u)) {
			u->rx_fifo[u->rx_head] = byte;
			u->rx_flag[u->rx_head] = flags;
		}
		return;
	}
	if (u->rx_n && !u->rx_late && t >= u->rx_touched + 4 * uart_frame_time(u, u->lcr))
		u->rx_late = fifos(u);
	u->rx_fifo[(u->rx_head + u->rx_n) % UART_FIFO] = byte;
	u->rx_flag[(u->rx_head + u->rx_n) % UART_FIFO] = flags;
	u->rx_n++;
	u->rx_touched = t;
}

static void frame_out(struct uart16550 *u, const struct uart_line *l, int64_t end, uint8_t flags)
{
	struct uart_frame f = { u->tx_start, end, u->tx_byte, u->tx_flags | flags, u->tx_lcr };

	if (f.flags & FRAME_MASKED)
		u->n.masked++;
	if (f.flags & FRAME_CHANGED)
		u->n.changed++;
	u->tx_last = end;
	if (!(flags & FRAME_CUT))
		u->n.wire++;
	l->frame(l->ctx, &f);
}

static void tx_done(struct uart16550 *u, const struct uart_line *l)
{
	int64_t t = u->tx_end;

	u->tx_busy = 0;
	if (u->tx_flags & FRAME_LOOP) {
		u->n.looped++;
		rx_push(u, t, word(u->lcr, u->tx_byte), u->tx_flags & FRAME_CHANGED ? LSR_FE : 0);
	} else {
		frame_out(u, l, t, 0);
	}
	if (u->tx_n)
		tx_load(u, t);
}

static void tx_write(struct uart16550 *u, int64_t t, uint8_t v)
{
	u->n.writes++;
	u->thri = 0;
	if (u->tx_n == depth(u)) {
		/*
		 * One byte too many. DS only says that 1 to 16 characters may be written when the FIFO is empty ("FIFO Interrupt
		 * Mode Operation", A). A descendant of the chip that does say it, Synopsys DW_apb_uart (Intel Cyclone V HPS
		 * Technical Reference, uart register sthr), loses the byte that is being written when the FIFO is full, and
		 * overwrites the holding register when FIFOs are off. So do we.
		 */
		u->n.overwritten++;
		if (!fifos(u))
			u->tx_fifo[u->tx_head] = v;
		return;
	}
	u->tx_fifo[(u->tx_head + u->tx_n) % UART_FIFO] = v;
	u->tx_n++;
	if (u->tx_n >= 2)
		u->tx_two = 1;
	if (!u->tx_busy)
		tx_load(u, t);
}

/* The bits that are still inside the shift register go on at the new rate. */
static void set_divisor(struct uart16550 *u, int64_t t, uint16_t d)
{
	int64_t old = divisor(u), left = u->tx_end - t;

	if (d == u->divisor)
		return;
	u->divisor = d;
	if (!u->tx_busy)
		return;
	u->tx_flags |= FRAME_CHANGED;
	u->tx_end = t + (int64_t)((__int128)left * divisor(u) / old);
	if (u->thri && u->thri_at > t)
		u->thri_at = u->tx_end - uart_bit(u) > t ? u->tx_end - uart_bit(u) : t;
}

static void set_break(struct uart16550 *u, const struct uart_line *l, int64_t t, bool on)
{
	struct uart_frame f;

	if (on == (bool)u->brk)
		return;
	u->brk = on;
	if (u->tx_busy)
		u->tx_flags |= FRAME_MASKED;
	if (on) {
		u->brk_start = t;
		return;
	}
	/* Loopback keeps SOUT marking (DS MCR bit 4), so there the line showed no break. */
	if (u->mcr & MCR_LOOP)
		return;
	u->tx_last = t;
	f = (struct uart_frame){ u->brk_start, t, 0, FRAME_BREAK, u->lcr };
	l->frame(l->ctx, &f);
}

/* ---- modem lines ---- */

static uint8_t modem_in(const struct uart16550 *u)
{
	uint8_t m = u->mcr;

	if (!(m & MCR_LOOP))
		return u->inputs;
	/* DS MCR bit 4: the four outputs are connected to the four inputs. */
	return (m & MCR_RTS ? MSR_CTS : 0) | (m & MCR_DTR ? MSR_DSR : 0) | (m & MCR_OUT1 ? MSR_RI : 0) | (m & MCR_OUT2 ? MSR_DCD : 0);
}

static void modem_changed(struct uart16550 *u, uint8_t before)
{
	uint8_t now = modem_in(u), diff = before ^ now;

	u->delta |= (diff & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4;
	if (diff & before & MSR_RI) /* trailing edge only */
		u->delta |= MSR_RI >> 4;
}

void uart_inputs(struct uart16550 *u, uint8_t msr_bits)
{
	uint8_t before = modem_in(u);

	u->inputs = msr_bits & 0xf0;
	modem_changed(u, before);
}

/* ---- time ---- */

static void rx_start(struct uart16550 *u, const struct uart_line *l, int64_t t)
{
	const struct uart_rx_item *i = l->rx_peek(l->ctx);
	int64_t frame = uart_frame_time(u, u->lcr), brk = (int64_t)i->dur_ns * UART_UNITS_PER_NS;

	u->rx_busy = 1;
	u->rx_byte = i->flags & LSR_BI ? 0 : word(u->lcr, i->byte);
	/* A break is also a frame without a stop bit (DS LSR bits 3 and 4); Linux looks at BI first. */
	u->rx_flags = i->flags & LSR_BI ? LSR_BI | LSR_FE : i->flags & LSR_CHAR;
	u->rx_end = t + frame;
	u->rx_line_free = i->flags & LSR_BI && brk > frame ? t + brk : u->rx_end;
	l->rx_take(l->ctx);
}

static void rx_done(struct uart16550 *u)
{
	u->rx_busy = 0;
	u->n.rx_line++;
	if (u->mcr & MCR_LOOP) {
		u->n.rx_deaf++;
		return;
	}
	rx_push(u, u->rx_end, u->rx_byte, u->rx_flags);
}

void uart_sync(struct uart16550 *u, const struct uart_line *l, int64_t t)
{
	for (;;) {
		int64_t tx = u->tx_busy ? u->tx_end : UART_NEVER;
		int64_t rx = u->rx_busy ? u->rx_end : rx_begin(u, l);

		if (tx > t && rx > t)
			break;
		if (tx <= rx)
			tx_done(u, l);
		else if (u->rx_busy)
			rx_done(u);
		else
			rx_start(u, l, rx);
	}
	if (fifos(u) && u->rx_n && !u->rx_late && t >= u->rx_touched + 4 * uart_frame_time(u, u->lcr))
		u->rx_late = 1;
}

/* ---- interrupts ---- */

static uint8_t top_flags(const struct uart16550 *u)
{
	return u->rx_n ? u->rx_flag[u->rx_head] : 0;
}

/* DS table IV: priorities. */
static uint8_t source(const struct uart16550 *u, int64_t t)
{
	if (u->ier & IER_RLSI && (u->overrun || top_flags(u)))
		return IIR_RLSI;
	if (u->ier & IER_RDI && u->rx_n >= trigger_level(u))
		return IIR_RDI;
	if (u->ier & IER_RDI && u->rx_n && u->rx_late)
		return IIR_TIMEOUT;
	if (u->ier & IER_THRI && u->thri && t >= u->thri_at)
		return IIR_THRI;
	if (u->ier & IER_MSI && u->delta)
		return IIR_MSI;
	return IIR_NONE;
}

/* On a PC, OUT2 drives the gate between the chip and the bus; loopback turns the pin off (DS MCR bits 3, 4). */
bool uart_irq(struct uart16550 *u, int64_t t)
{
	return (u->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2 && source(u, t) != IIR_NONE;
}

uint8_t uart_lsr(const struct uart16550 *u)
{
	uint8_t v = u->overrun | top_flags(u);

	if (u->rx_n)
		v |= LSR_DR;
	if (!u->tx_n)
		v |= LSR_THRE;
	if (!u->tx_n && !u->tx_busy)
		v |= LSR_TEMT;
	for (unsigned i = 0; fifos(u) && i < u->rx_n; i++)
		if (u->rx_flag[(u->rx_head + i) % UART_FIFO])
			v |= LSR_FIFO_ERR;
	return v;
}

bool uart_tx_idle(const struct uart16550 *u)
{
	return !u->tx_busy && !u->tx_n;
}

/* ---- registers ---- */

static uint8_t rbr_read(struct uart16550 *u, int64_t t)
{
	if (!u->rx_n)
		return u->rbr;
	u->rbr = u->rx_fifo[u->rx_head];
	u->rx_head = (u->rx_head + 1) % UART_FIFO;
	u->rx_n--;
	u->rx_late = 0;
	u->rx_touched = t;
	u->n.rx_read++;
	return u->rbr;
}

uint8_t uart_read(struct uart16550 *u, const struct uart_line *l, int64_t t, unsigned reg)
{
	uint8_t v;

	uart_sync(u, l, t);
	u->n.accesses++;
	u->n.reads++;
	switch (reg) {
	case UART_DATA:
		return u->lcr & LCR_DLAB ? u->divisor & 0xff : rbr_read(u, t);
	case UART_IER:
		return u->lcr & LCR_DLAB ? u->divisor >> 8 : u->ier;
	case UART_IIR_FCR:
		v = source(u, t);
		if (v == IIR_THRI)
			u->thri = 0;
		return v | (fifos(u) ? IIR_FIFO : 0);
	case UART_LCR:
		return u->lcr;
	case UART_MCR:
		return u->mcr;
	case UART_LSR:
		u->n.lsr_reads++;
		v = uart_lsr(u);
		u->overrun = 0;
		if (u->rx_n)
			u->rx_flag[u->rx_head] = 0;
		return v;
	case UART_MSR:
		v = modem_in(u) | u->delta;
		u->delta = 0;
		return v;
	default:
		return u->scr;
	}
}

static void clear_rx(struct uart16550 *u)
{
	u->n.rx_flushed += u->rx_n;
	u->rx_n = 0;
	u->rx_late = 0;
}

static void clear_tx(struct uart16550 *u, int64_t t)
{
	u->n.flushed += u->tx_n;
	if (u->tx_n) {
		u->thri = 1;
		u->thri_at = t;
	}
	u->tx_n = 0;
	u->tx_two = 0;
}

static void fcr_write(struct uart16550 *u, int64_t t, uint8_t v)
{
	/* DS FCR bit 0: a change of mode empties both FIFOs; the other bits are taken only together with bit 0. */
	bool change = (v ^ u->fcr) & FCR_ENABLE;

	if (change || (v & FCR_ENABLE && v & FCR_CLEAR_RX))
		clear_rx(u);
	if (change || (v & FCR_ENABLE && v & FCR_CLEAR_TX))
		clear_tx(u, t);
	u->fcr = v & FCR_ENABLE ? v & FCR_KEPT : 0;
	/* The first transmitter interrupt after a change of FCR.0 is immediate (DS, as above). */
	if (change && u->thri && u->thri_at > t)
		u->thri_at = t;
}

static void lcr_write(struct uart16550 *u, const struct uart_line *l, int64_t t, uint8_t v)
{
	if (u->tx_busy && (v ^ u->lcr) & LCR_FORMAT)
		u->tx_flags |= FRAME_CHANGED;
	u->lcr = v;
	set_break(u, l, t, v & LCR_BREAK);
}

static void mcr_write(struct uart16550 *u, const struct uart_line *l, int64_t t, uint8_t v)
{
	uint8_t before = modem_in(u);

	if ((v ^ u->mcr) & MCR_LOOP) {
		if (u->tx_busy)
			u->tx_flags |= FRAME_CHANGED;
		if (u->brk && v & MCR_LOOP) { /* the line goes high: the break ends here and may go on later */
			struct uart_frame f = { u->brk_start, t, 0, FRAME_BREAK, u->lcr };

			u->tx_last = t;
			l->frame(l->ctx, &f);
		}
		u->brk_start = t;
	}
	u->mcr = v & MCR_MASK;
	modem_changed(u, before);
}

void uart_write(struct uart16550 *u, const struct uart_line *l, int64_t t, unsigned reg, uint8_t v)
{
	uart_sync(u, l, t);
	u->n.accesses++;
	switch (reg) {
	case UART_DATA:
		if (u->lcr & LCR_DLAB)
			set_divisor(u, t, (u->divisor & 0xff00) | v);
		else
			tx_write(u, t, v);
		break;
	case UART_IER:
		if (u->lcr & LCR_DLAB) {
			set_divisor(u, t, (u->divisor & 0xff) | v << 8);
			break;
		}
		/* Enabling the interrupt while the transmitter is ready raises it (Linux tests for chips that do not). */
		if (v & ~u->ier & IER_THRI && !u->tx_n && !u->thri) {
			u->thri = 1;
			u->thri_at = t;
		}
		u->ier = v & 15;
		break;
	case UART_IIR_FCR:
		fcr_write(u, t, v);
		break;
	case UART_LCR:
		lcr_write(u, l, t, v);
		break;
	case UART_MCR:
		mcr_write(u, l, t, v);
		break;
	case UART_SCR:
		u->scr = v;
		break;
	default: /* LSR and MSR are for factory tests (DS LSR, note); writing them is without effect here */
		break;
	}
}

/* ---- power and reset ---- */

void uart_init(struct uart16550 *u, uint32_t base)
{
	uint8_t inputs = MSR_DCD | MSR_DSR | MSR_CTS;

	memset(u, 0, sizeof(*u));
	u->base = base ? base : 115200;
	u->divisor = 12; /* undefined in the data sheet; 9600 baud is what firmware leaves behind */
	u->inputs = inputs;
}

void uart_cut(struct uart16550 *u, const struct uart_line *l, int64_t t)
{
	uart_sync(u, l, t);
	if (u->brk)
		set_break(u, l, t, false);
	u->n.cut += u->tx_n + u->tx_busy;
	if (u->tx_busy && !(u->tx_flags & FRAME_LOOP))
		frame_out(u, l, t, FRAME_CUT);
	u->tx_n = u->tx_busy = 0;
	if (u->rx_busy)
		u->n.rx_line++, u->n.rx_deaf++;
	u->rx_busy = 0;
}

/* DS table III. The divisor latch and the scratch register are not touched by MR. */
void uart_reset(struct uart16550 *u, const struct uart_line *l, int64_t t)
{
	uart_cut(u, l, t);
	u->ier = u->fcr = u->lcr = u->mcr = u->delta = u->overrun = 0;
	u->thri = u->tx_two = 0;
	clear_rx(u);
}

/* ---- looking ahead ---- */

int64_t uart_tx_end_of(const struct uart16550 *u, unsigned k)
{
	if (!u->tx_busy || k > u->tx_n)
		return UART_NEVER;
	return u->tx_end + (int64_t)k * uart_frame_time(u, u->lcr);
}

static int64_t rx_next(const struct uart16550 *u, const struct uart_line *l)
{
	return u->rx_busy ? u->rx_end : rx_begin(u, l);
}

static int64_t soonest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t uart_next_irq(const struct uart16550 *u, const struct uart_line *l, int64_t t)
{
	int64_t at = UART_NEVER;

	if (u->ier & IER_THRI) {
		if (u->thri && u->thri_at > t)
			at = u->thri_at;
		else if (u->tx_n) /* the last of the FIFO is loaded; its own delay, if any, is seen then */
			at = uart_tx_end_of(u, u->tx_n - 1);
	}
	if (u->ier & (IER_RDI | IER_RLSI)) {
		at = soonest(at, rx_next(u, l));
		if (u->tx_busy && u->tx_flags & FRAME_LOOP)
			at = soonest(at, u->tx_end);
	}
	if (u->ier & IER_RDI && fifos(u) && u->rx_n && !u->rx_late)
		at = soonest(at, u->rx_touched + 4 * uart_frame_time(u, u->lcr));
	return at;
}

int64_t uart_next_lsr(const struct uart16550 *u, const struct uart_line *l, int64_t t)
{
	int64_t at = rx_next(u, l);

	(void)t;
	if (u->tx_busy)
		at = soonest(at, u->tx_flags & FRAME_LOOP ? u->tx_end : uart_tx_end_of(u, u->tx_n ? u->tx_n - 1 : 0));
	return at;
}
