// SPDX-License-Identifier: Apache-2.0

// Package ring reads the kernel's printk ringbuffer out of memory: live guest RAM, an ELF vmcore, or the small ring.elf that
// this package writes itself.
//
// The way of the data:
//
//  1. memory: an io.ReaderAt over guest physical addresses (a RAM file, an ELF core).
//  2. vmcoreinfo: the text in which a kernel tells where its structures are; found in RAM or in an ELF note.
//  3. translate: kernel virtual to physical, by the kernel image's offset, by the page tables, or by a core's p_vaddr.
//  4. reader, decode: descriptors, infos and data blocks become Records (kernel/printk/printk_ringbuffer.c).
//  5. dmesg, json, console: Records become text.
//  6. core: the pages that were needed become an ELF file that other tools read too.
//
// Everything that is read is foreign bytes: every size is bounded, every error names the symbol or offset, nothing panics.
// The package imports neither boards nor test frameworks nor serial ports.
package ring
