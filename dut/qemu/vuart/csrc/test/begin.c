/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * begin: for each line of stdin "T LSR RSI R12 STACK0 STACK1 NS RSI R12 [learn]", two polls, says whether they are a known beginning
 * of the one loop there is; with "learn" the loop went on after them.
 */
#include "begin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { RSI = 4, R12 = 12, TOP = VCPU_RIP + 1 };

int main(void)
{
	static struct begin begins[BEGINS];
	int64_t t, ns, rsi, r12, top[2], rsi2, r12_2;
	unsigned lsr;
	char line[256];

	while (fgets(line, sizeof(line), stdin)) {
		struct vcpu_state s = { 0 };

		if (sscanf(line, "%" SCNd64 " %x %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64, &t, &lsr,
			   &rsi, &r12, &top[0], &top[1], &ns, &rsi2, &r12_2) != 9)
			return 1;
		s.word[RSI] = rsi;
		s.word[R12] = r12;
		s.word[TOP] = top[0];
		s.word[TOP + 1] = top[1];
		begin_first(&s, t, lsr);
		s.word[RSI] = rsi2;
		s.word[R12] = r12_2;
		begin_second(&s, t + ns);
		puts(begin_known(begins) ? "known" : "new");
		if (strstr(line, "learn"))
			begin_learn(begins);
		else
			begin_forget();
	}
	return 0;
}
