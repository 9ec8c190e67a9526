/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest of the self-test: a firmware of its own, so nothing but QEMU and the model takes part. It carries out a script that
 * the harness wrote behind it (selftest.go) and rings the doorbell with what it sees. 16-bit real mode, linked at 0, runs at
 * F000:0000; the script lies at F000:8000, four bytes a step: operation, register, value, mask.
 */
	.code16
	.set UART, 0x3f8
	.set BELL, 0x5e8
	.set COUNT, 0x600 /* RAM: interrupts so far */
	.set NMIS, 0x604

	.text
	.globl _start
_start:
	cli
	cld
	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %ss
	mov $0x7000, %sp
	movl $0, COUNT
	movl $0, NMIS
	movw $nmi, 2*4
	movw %cs, 2*4+2
	movw $irq4, 0x24*4
	movw %cs, 0x24*4+2
	/* 8259: edge-triggered, vectors 0x20 and 0x28, everything masked but IRQ 4 */
	mov $0x11, %al
	out %al, $0x20
	out %al, $0xa0
	mov $0x20, %al
	out %al, $0x21
	mov $0x28, %al
	out %al, $0xa1
	mov $4, %al
	out %al, $0x21
	mov $2, %al
	out %al, $0xa1
	mov $1, %al
	out %al, $0x21
	out %al, $0xa1
	mov $0xef, %al
	out %al, $0x21
	mov $0xff, %al
	out %al, $0xa1

	/*
	 * The local APIC's inputs, which firmware normally sets: LINT0 passes the 8259's interrupt on, LINT1 is the NMI. They lie
	 * beyond 1 MB: a look into protected mode leaves FS with a limit of 4 GB.
	 */
	lgdtl %cs:gdtr
	mov %cr0, %eax
	or $1, %al
	mov %eax, %cr0
	mov $8, %cx
	mov %cx, %fs
	and $0xfe, %al
	mov %eax, %cr0
	mov $0xfee00000, %ebx
	movl $0x700, %fs:0x350(%ebx)
	movl $0x400, %fs:0x360(%ebx)

	mov $0x8000, %si
step:
	mov %cs:(%si), %bl /* operation */
	movzbw %cs:1(%si), %dx
	add $UART, %dx
	mov %cs:2(%si), %cl /* value */
	mov %cs:3(%si), %ch /* mask */
	add $4, %si
	cmp $1, %bl
	je do_out
	cmp $2, %bl
	je do_in
	cmp $3, %bl
	je do_poll
	cmp $4, %bl
	je do_wait
	cmp $5, %bl
	je do_count
	cmp $6, %bl
	je mark
	mov $7, %eax /* the end */
	call ring
stay:
	hlt
	jmp stay

do_out:
	mov %cl, %al
	out %al, %dx
	jmp step

do_in:
	in %dx, %al
report:
	movzbl %al, %eax
	sub $UART, %dx
	mov %dl, %ah
	shl $8, %eax
	mov %bl, %al
	call ring
	jmp step

do_poll:
	in %dx, %al
	mov %al, %ah
	and %ch, %ah
	cmp %cl, %ah
	jne do_poll
	jmp report

/* Sleeps until the interrupt count is the value. */
do_wait:
	cmp %cl, COUNT
	jae do_count
	sti
	hlt
	cli
	jmp do_wait

do_count:
	mov COUNT, %eax
	shl $8, %eax
	mov %bl, %al
	call ring
	jmp step

ring:
	push %dx
	mov $BELL, %dx
	out %eax, %dx
	pop %dx
	ret

irq4:
	push %eax
	incl COUNT
	mov COUNT, %eax
	shl $8, %eax
	mov $8, %al
	call ring
	mov $0x20, %al
	out %al, $0x20
	pop %eax
	iret

nmi:
	push %eax
	incl NMIS
	mov NMIS, %eax
	shl $8, %eax
	mov $9, %al
	call ring
	pop %eax
	iret

	.balign 8
gdt:
	.quad 0
	.quad 0x00cf93000000ffff /* data, base 0, 4 GB */
gdtr:
	.word 15
	.long 0xf0000 + gdt

	.org 0x4000 /* a place that a SYMBOL trigger can name: linear F4000 */
mark:
	movzbl %cl, %eax
	shl $8, %eax
	mov %bl, %al
	call ring
	jmp step

	.org 0x8000
	.org 0xfff0
	ljmp $0xf000, $_start
	.org 0xffff
	.byte 0
