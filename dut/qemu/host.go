// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"

	"lastpage/dut/child"
	"lastpage/dut/qemu/vuart"
	"lastpage/kernels/store"
)

// Version is the first line that binary ("": qemu-system-x86_64) prints of itself.
func Version(ctx context.Context, binary string) (string, error) {
	if binary == "" {
		binary = defaultBinary
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	out, err := store.Command(ctx, "", binary, "--version").Output()
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s: not found: install the package qemu-system-x86 (setup.sh does)", binary)
	}
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", binary, err)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(first), nil
}

// probeSector is a boot sector that says it ran: it writes 'K' to the debug console's port 0xe9 and halts.
var probeSector = []byte{
	0xb0, 'K', // mov al, 'K'
	0xe6, 0xe9, // out 0xe9, al
	0xfa, 0xf4, // cli; hlt
}

// ProbeKVM runs a guest of a few instructions on KVM. A node /dev/kvm that exists and cannot run a guest is common in nested machines.
func ProbeKVM(ctx context.Context) error {
	if _, err := os.Stat("/dev/kvm"); err != nil {
		return errors.New("no /dev/kvm")
	}
	dir, err := os.MkdirTemp("", "lastpage-kvm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	disk, said := dir+"/boot", dir+"/said"
	sector := make([]byte, 512)
	copy(sector, probeSector)
	sector[510], sector[511] = 0x55, 0xaa
	if err := os.WriteFile(disk, sector, 0o600); err != nil {
		return err
	}
	p, err := child.Start([]string{defaultBinary, "-nodefaults", "-no-user-config", "-display", "none", "-sandbox", vuart.Sandbox, "-accel", "kvm", "-m", "16",
		"-drive", "format=raw,file=" + escape(disk), "-chardev", "file,id=d,path=" + escape(said),
		"-device", "isa-debugcon,iobase=0xe9,chardev=d"}, nil)
	if err != nil {
		return err
	}
	defer p.Kill()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	for {
		if b, _ := os.ReadFile(said); len(b) > 0 {
			return nil
		}
		select {
		case <-p.Done():
			return fmt.Errorf("/dev/kvm is there and runs no guest: %w", p.Failure())
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return errors.New("/dev/kvm is there and runs no guest: nothing happened for 10 s")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
