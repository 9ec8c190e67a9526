// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"errors"
	"fmt"
	"os"

	"lastpage/dut/bench"
)

// Boot is how a kernel is started: exactly one of its fields.
type Boot struct {
	UBoot   *bench.UBoot   `yaml:"u-boot" json:"u_boot,omitempty"`
	Netboot *bench.Netboot `yaml:"netboot" json:"netboot,omitempty"`
	Kexec   *bench.Kexec   `yaml:"kexec" json:"kexec,omitempty"`
	Grub    *bench.Grub    `yaml:"grub-serial" json:"grub_serial,omitempty"`
	Command *bench.Command `yaml:"command" json:"command,omitempty"`
}

// make checks the loader and makes a trial's own.
func (b *Boot) make() (bench.Loader, error) {
	kinds := 0
	for _, there := range []bool{b.UBoot != nil, b.Netboot != nil, b.Kexec != nil, b.Grub != nil, b.Command != nil} {
		if there {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return nil, errors.New("boot: want exactly one of u-boot, netboot, kexec, grub-serial and command")
	case b.UBoot != nil:
		u := *b.UBoot
		return &u, u.Check()
	case b.Netboot != nil:
		n := *b.Netboot
		return &n, n.Check()
	case b.Kexec != nil:
		k := *b.Kexec
		return &k, k.Check()
	case b.Grub != nil:
		g := *b.Grub
		return &g, g.Check()
	}
	c := *b.Command
	return &c, c.Check()
}

// ready says whether the folder of the board's server is there.
func (b *Boot) ready() error {
	kind, folder := "", ""
	switch {
	case b.UBoot != nil:
		kind, folder = "u-boot", b.UBoot.Folder
	case b.Netboot != nil:
		kind, folder = "netboot", b.Netboot.Folder
	case b.Kexec != nil:
		kind, folder = "kexec", b.Kexec.Folder
	case b.Grub != nil:
		kind, folder = "grub-serial", b.Grub.Folder
	default:
		return nil
	}
	if st, err := os.Stat(folder); err != nil || !st.IsDir() {
		return fmt.Errorf("boot: %s: folder %s: there is no such folder on this machine", kind, folder)
	}
	return nil
}
