// SPDX-License-Identifier: Apache-2.0

package kernels

// Symbols are functions of the kernel whose execution marks a step that the wire cannot show, for plan.Plan.Symbols and for
// triggers on an address. No kernel has all of them: the armed message says which exist and where (with KASLR, of that boot;
// the System.map of Debian's images is empty). Functions that a kernel inlined or cloned are absent from its table.
var Symbols = []string{
	// storing: every record passes these (kernel/printk/printk_ringbuffer.c, printk.c)
	"vprintk_emit", "vprintk_store", "prb_reserve", "prb_commit", "prb_final_commit",
	// legacy console: taking it, sending one record after the other, handing over (printk.c)
	"console_trylock", "console_unlock", "console_flush_all", "console_emit_next_record", "console_flush_on_panic",
	"console_lock_spinning_disable_and_check", "defer_console_output",
	// nbcon: who may print, one record, emergency sections, the flushes of panic (nbcon.c)
	"nbcon_context_try_acquire", "nbcon_emit_next_record", "nbcon_cpu_emergency_enter", "nbcon_cpu_emergency_exit",
	"nbcon_atomic_flush_pending", "nbcon_atomic_flush_unsafe", "nbcon_kthread_func", "nbcon_legacy_emit_next_record",
	// early atomic consoles (6.1 real-time patches)
	"printk_kthread_func",
	// the 8250 driver (drivers/tty/serial/8250)
	"univ8250_console_write", "univ8250_console_write_atomic", "univ8250_console_write_thread",
	"serial8250_console_write", "serial8250_console_write_atomic", "serial8250_console_write_thread",
	// WARN and oops (kernel/panic.c, arch/x86/kernel/dumpstack.c)
	"__warn", "oops_enter", "oops_exit", "die", "oops_end",
	// panic, in its order (kernel/panic.c)
	"panic", "vpanic", "nmi_panic", "panic_other_cpus_shutdown", "crash_smp_send_stop", "native_stop_other_cpus",
	"__crash_kexec", "machine_crash_shutdown", "native_machine_crash_shutdown", "machine_kexec", "atomic_notifier_call_chain",
	"kmsg_dump", "kmsg_dump_desc", "sys_info", "emergency_restart",
	// the probe
	"lp_warn", "warn_inner", "lp_panic", "lp_oops", "lp_store",
}
