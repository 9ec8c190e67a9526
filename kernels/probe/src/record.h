/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The text of a record; kernels/plan/record.go describes the format and reads it, and a test compares the two.
 * Wants u8, u32, size_t and scnprintf() from its includer.
 */
#ifndef LASTPAGE_RECORD_H
#define LASTPAGE_RECORD_H

#define LP_RUN_ID 8	/* hex digits */
#define LP_RECORD_MIN 56	/* bytes of text */
#define LP_RECORD_MAX 900

/* CRC-32 of IEEE 802.3, bit by bit: a tiny kernel need not have lib/crc32. */
static inline u32 lp_crc32(const char *p, size_t len)
{
	u32 crc = ~0u;
	int bit;

	while (len--) {
		crc ^= (u8)*p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320u & -(crc & 1));
	}
	return ~crc;
}

/* len bytes and a NUL go to buf; len is within the limits. */
static inline void lp_record(char *buf, int len, const char *run_id, char kind, int cpu, u32 n)
{
	int pos = scnprintf(buf, len, "lastpage %s %c %d %u %d ", run_id, kind, cpu, n, len);
	u32 i;

	for (i = 0; pos < len - 9; i++)
		buf[pos++] = 'a' + (7 * n + i) % 26;
	scnprintf(buf + pos, 10, " %08x", lp_crc32(buf, pos));
}

#endif
