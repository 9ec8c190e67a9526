/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vcpu.h"

#include "qemu.h"
#include "solo.h"

#include <string.h>

#define CODE 96 /* bytes of code that are looked at before and after RIP */

void *vcpus[VCPU_MAX];
int vcpus_n;

static void *bytes; /* GByteArray for the register reads */

bool vcpus_init(unsigned n)
{
	if (n > VCPU_MAX)
		return false;
	for (vcpus_n = 0; vcpus_n < (int)n; vcpus_n++)
		vcpus[vcpus_n] = qemu_get_cpu(vcpus_n);
	bytes = g_byte_array_new();
	return true;
}

static bool read_stack(void *cpu, uint64_t sp, int64_t *to)
{
	uint64_t size = VCPU_STACK * 8, here = 4096 - (sp & 4095);

	if (sp & 7)
		return false;
	if (here > size)
		here = size;
	memset(to, 0, size);
	if (cpu_memory_rw_debug(cpu, sp, to, here, false))
		return false;
	/* What is not mapped behind the top of the stack holds no counter. */
	if (here < size && cpu_memory_rw_debug(cpu, sp + here, (char *)to + here, size - here, false))
		memset((char *)to + here, 0, size - here);
	return true;
}

bool vcpu_read(int i, struct vcpu_state *s)
{
	void *cpu = vcpus[i];

	if (cpu != current_cpu && vcpu_idle(cpu)) {
		memset(s, 0, sizeof(*s));
		s->word[VCPU_RIP] = VCPU_IDLE;
		return true;
	}
	g_byte_array_set_size(bytes, 0);
	for (int r = 0; r <= VCPU_RIP; r++)
		if (x86_cpu_gdb_read_register(cpu, bytes, r) != 8)
			return false;
	memcpy(s->word, *(void **)bytes, 8 * (VCPU_RIP + 1));
	return read_stack(cpu, s->word[VCPU_RSP], s->word + VCPU_RIP + 1);
}

void vcpu_advance(int i, struct vcpu_state *s, const struct vcpu_state *delta, int64_t k)
{
	uint64_t sp = s->word[VCPU_RSP];

	for (int w = 0; w < VCPU_WORDS; w++) {
		if (!delta->word[w])
			continue;
		s->word[w] += k * delta->word[w];
		if (w < VCPU_REGS)
			x86_cpu_gdb_write_register(vcpus[i], (uint8_t *)&s->word[w], w);
		else
			cpu_memory_rw_debug(vcpus[i], sp + 8 * (w - VCPU_RIP - 1), &s->word[w], 8, true);
	}
}

bool vcpu_reads_tsc(int i, const struct vcpu_state *s)
{
	uint8_t code[2 * CODE];

	if (cpu_memory_rw_debug(vcpus[i], s->word[VCPU_RIP] - CODE, code, sizeof(code), false))
		return true;
	for (unsigned b = 0; b + 2 < sizeof(code); b++)
		if (code[b] == 0x0f && (code[b + 1] == 0x31 || (code[b + 1] == 0x01 && code[b + 2] == 0xf9)))
			return true;
	return false;
}
