// SPDX-License-Identifier: Apache-2.0

package kernels

import "lastpage/kernels/debian"

// Console is the kind of 8250 console a kernel has (kernel/printk, drivers/tty/serial/8250).
type Console string

const (
	ConsoleLegacy      Console = "legacy"       // printed by whoever owns console_lock
	ConsoleEarlyAtomic Console = "early-atomic" // the 6.1 real-time patches: atomic consoles and a kthread
	ConsoleNBCON       Console = "nbcon"        // write_atomic, write_thread, a printer kthread
)

// Image is a kernel ready to boot. All paths are absolute and lie in the store; they may be read, never written.
type Image struct {
	Name      string              `json:"name"`    // of the catalogue
	Release   string              `json:"release"` // as uname -r will say
	Console   Console             `json:"console"`
	Cmdline   string              `json:"cmdline"` // default command line of the catalogue entry
	Vmlinuz   string              `json:"vmlinuz"`
	SystemMap string              `json:"system_map,omitempty"`
	Config    string              `json:"config,omitempty"`
	Probe     string              `json:"probe"`             // lastpage_probe.ko
	Modules   []string            `json:"modules,omitempty"` // .ko files in load order; empty if all is built in
	Packages  []debian.Provenance `json:"packages,omitempty"`
	Key       string              `json:"key"` // digest of everything the image was made from
}
