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
	UBoot     *bench.UBoot     `yaml:"u-boot" json:"u_boot,omitempty"`
	Netboot   *bench.Netboot   `yaml:"netboot" json:"netboot,omitempty"`
	Kexec     *bench.Kexec     `yaml:"kexec" json:"kexec,omitempty"`
	Grub      *bench.Grub      `yaml:"grub-serial" json:"grub_serial,omitempty"`
	Installed *bench.Installed `yaml:"installed" json:"installed,omitempty"`
	Command   *bench.Command   `yaml:"command" json:"command,omitempty"`
}

// loader is one that says what its entry in the inventory lacks.
type loader interface {
	bench.Loader
	Check() error
}

// make checks the loader and makes a trial's own.
func (b *Boot) make() (bench.Loader, error) {
	var all []loader
	if b.UBoot != nil {
		all = append(all, own(b.UBoot))
	}
	if b.Netboot != nil {
		all = append(all, own(b.Netboot))
	}
	if b.Kexec != nil {
		all = append(all, own(b.Kexec))
	}
	if b.Grub != nil {
		all = append(all, own(b.Grub))
	}
	if b.Installed != nil {
		all = append(all, own(b.Installed))
	}
	if b.Command != nil {
		all = append(all, own(b.Command))
	}
	if len(all) != 1 {
		return nil, errors.New("boot: want exactly one of u-boot, netboot, kexec, grub-serial, installed and command")
	}
	return all[0], all[0].Check()
}

// own is a copy: a loader remembers what it put into its server's folder.
func own[T any](of *T) *T {
	its := *of
	return &its
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
	case b.Installed != nil:
		kind, folder = "installed", b.Installed.Folder
	default:
		return nil
	}
	if st, err := os.Stat(folder); err != nil || !st.IsDir() {
		return fmt.Errorf("boot: %s: folder %s: there is no such folder on this machine", kind, folder)
	}
	return nil
}
