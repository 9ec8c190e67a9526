// SPDX-License-Identifier: Apache-2.0

package prebuilt

import (
	"fmt"
	"slices"
	"strings"
)

// Config is a kernel's configuration: option, without CONFIG_, to value. An option that is not set is absent.
type Config map[string]string

// ParseConfig reads the text of a .config, or of an auto.conf.
func ParseConfig(text []byte) Config {
	c := Config{}
	for l := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(l), "=")
		if name, is := strings.CutPrefix(name, "CONFIG_"); ok && is {
			c[name] = value
		}
	}
	return c
}

// need is an option that a guest cannot do without. Of several names one is enough: they changed.
type need struct {
	names  string
	module bool // m is enough
	why    string
}

// Use is what a kernel is made ready for.
type Use int

const (
	Probed   Use = iota // trials with the probe: headers are wanted
	Unprobed            // trials in which a program of the user's is alone
	Shell               // a login shell
)

// bare are the needs of every guest, shell those of one with a login shell, provoked those of one in which something is provoked, and by whom.
var bare = []need{
	{"64BIT", false, "the guest's programs are of x86-64"},
	{"PRINTK", false, "nothing is said without it"},
	{"SERIAL_8250", false, "the console under test is an 8250"},
	{"SERIAL_8250_CONSOLE", false, "the console under test is an 8250"},
	{"BLK_DEV_INITRD", false, "the guest's programs come in an initramfs"},
	{"BINFMT_ELF", false, "the guest's programs are ELF files"},
	{"DEVTMPFS", false, "the guest's init opens devices"},
	{"PROC_FS", false, "the guest's init sets and reads settings there"},
}

var shell = []need{
	{"BINFMT_SCRIPT", false, "the login shell's init is a script"},
}

var provoked = []need{
	{"FUTEX", false, "the guest's init is a Go program"},
	{"SYSCTL", false, "the guest's init sets console_loglevel there"},
	{"SYSFS", false, "the guest's init finds the control channel there"},
	{"MAGIC_SYSRQ", false, "the guest's init allows all of SysRq"},
	{"VIRTIO_PCI", true, "the control channel is a virtio port"},
	{"VIRTIO_CONSOLE", true, "the control channel is a virtio port"},
	{"VMCORE_INFO CRASH_CORE", false, "the ringbuffer is found by VMCOREINFO"},
}

var probed = []need{
	{"MODULES", false, "the probe is a module"},
}

var unprobed = []need{
	{"X86_IOPL_IOPERM", false, "without the probe the init rings the doorbell, an I/O port"},
}

// Lacks says in one sentence which options a guest needs that are not there; "" if all are.
func (c Config) Lacks(u Use) string {
	more := map[Use][]need{Probed: slices.Concat(provoked, probed), Unprobed: slices.Concat(provoked, unprobed), Shell: shell}[u]
	var all []string
	for _, w := range slices.Concat(bare, more) {
		has := false
		for _, n := range strings.Fields(w.names) {
			has = has || c[n] == "y" || w.module && c[n] == "m"
		}
		if !has {
			all = append(all, fmt.Sprintf("CONFIG_%s=y (%s)", strings.ReplaceAll(w.names, " ", "=y or CONFIG_"), w.why))
		}
	}
	if len(all) > 0 {
		return "lacks " + strings.Join(all, ", ")
	}
	if c["MODULE_SIG_FORCE"] == "y" && u == Probed {
		return "has CONFIG_MODULE_SIG_FORCE=y: the probe is not signed with that kernel's key, and would not be let in"
	}
	return ""
}

// Modular says whether the control channel is in modules.
func (c Config) Modular() bool { return c["VIRTIO_PCI"] == "m" || c["VIRTIO_CONSOLE"] == "m" }
