// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"fmt"
	"strconv"
	"strings"
)

// symbols are the names that a trigger may wait for. A kernel that lacks one simply has none.
var symbols = []string{"panic", "vpanic", "__crash_kexec", "crash_kexec", "kmsg_dump", "kmsg_dump_desc", "prb_final_commit", "prb_commit",
	"nbcon_cpu_emergency_enter", "nbcon_cpu_emergency_exit", "nbcon_atomic_flush_pending", "nbcon_atomic_flush_unsafe",
	"console_flush_on_panic", "console_unlock", "panic_try_force_cpu", "smp_send_stop", "crash_smp_send_stop", "__warn"}

// cmdline joins the kernel's command line with the strategy's and sets the console's rate. A PC's port ends at 115200 baud: for a faster
// line the guest is told 115200 and the model's clock is scaled.
func cmdline(base, more string, baud int) (string, error) {
	told := min(baud, 115200)
	if baud > told && baud%told != 0 {
		return "", fmt.Errorf("%d baud: above 115200 only multiples of it can be had", baud)
	}
	out := strings.Fields(base + " " + more)
	found := false
	for i, w := range out {
		if dev, ok := strings.CutPrefix(w, "console=ttyS0,"); ok {
			if dev != "115200" {
				return "", fmt.Errorf("%s: the catalogue must say console=ttyS0,115200; the rate is chosen by --baud", w)
			}
			out[i] = "console=ttyS0," + strconv.Itoa(told)
			found = true
		}
	}
	if !found {
		return "", fmt.Errorf("command line %q has no console=ttyS0,115200", base)
	}
	return strings.Join(out, " "), nil
}
