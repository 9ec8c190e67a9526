// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"lastpage/dut/qemu"
	"lastpage/dut/qemu/vuart"
	"lastpage/kernels/store"
)

// Finding is one thing that this machine can or cannot do.
type Finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	// Needed: without it `lastpage run` does not work. Otherwise it is only missed by what Says tells.
	Needed bool   `json:"needed"`
	Says   string `json:"says"`
	Cure   string `json:"cure,omitempty"`
}

// Examine looks at this machine. It starts programs and one small guest, and changes nothing.
func Examine(ctx context.Context) []Finding {
	f := []Finding{qemuFinding(ctx), uartFinding(ctx), kvmFinding(ctx),
		program(ctx, "gcc", true, "gcc", "builds the UART model and the probe module", "--version"),
		program(ctx, "make", true, "make", "drives kernel builds", "--version"),
		program(ctx, "go", true, "a Go toolchain", "builds the guest's init", "version"),
		program(ctx, "apt-get", false, "", "fetches Debian's kernels; without it only kernels that are in the cache, or a tree of yours", "--version"),
		program(ctx, "ccache", false, "ccache", "kernel builds are slower without it", "--version"),
		program(ctx, "makedumpfile", false, "makedumpfile", "a second opinion on the ringbuffer", "-v"),
		witnessFinding(), cacheFinding()}
	return f
}

func qemuFinding(ctx context.Context) Finding {
	f := Finding{What: "qemu-system-x86_64", Needed: true, Cure: "install the package qemu-system-x86 (setup.sh does)"}
	v, err := qemu.Version(ctx, "")
	if err != nil {
		f.Says = err.Error()
		return f
	}
	f.OK, f.Says, f.Cure = true, v, ""
	return f
}

// uartFinding has the model prove itself in this QEMU.
func uartFinding(ctx context.Context) Finding {
	f := Finding{What: "uart model", Needed: true, Cure: "install gcc, libc6-dev and Debian's qemu-system-x86 (setup.sh does)"}
	fit, err := vuart.SelfTest(ctx, "qemu-system-x86_64")
	if err != nil {
		f.Says = err.Error()
		return f
	}
	f.OK, f.Cure, f.Says = true, "", "the self-test passed in "+fit.Version
	if !fit.FastForward {
		f.Says += "; without fast-forward"
	}
	if !fit.FairTurns {
		f.Says += "; on the exact wire with 1 CPU only, as the turns of several cannot be made fair"
	}
	return f
}

func program(ctx context.Context, name string, needed bool, pkg, why, flag string) Finding {
	f := Finding{What: name, Needed: needed, Says: why}
	path, err := exec.LookPath(name)
	if err != nil {
		f.Says = "not found: " + why
		if pkg != "" {
			f.Cure = "install " + pkg + " (setup.sh does)"
		}
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := store.Command(ctx, "", path, flag).CombinedOutput()
	first, _, _ := strings.Cut(string(out), "\n")
	f.OK, f.Says = err == nil, strings.TrimSpace(first)
	if err != nil {
		f.Says = fmt.Sprintf("%s %s: %v", path, flag, err)
	}
	return f
}

// kvmFinding believes a guest that runs, not the device node.
func kvmFinding(ctx context.Context) Finding {
	f := Finding{What: "kvm", Says: "a guest really ran on it; the paced wire needs TCG all the same"}
	if err := qemu.ProbeKVM(ctx); err != nil {
		f.Says = fmt.Sprintf("%v; a paced wire needs TCG anyway", err)
		return f
	}
	f.OK = true
	return f
}

func witnessFinding() Finding {
	f := Finding{What: "vmcore-dmesg", Cure: "run setup.sh, which unpacks it from kexec-tools"}
	path, err := Witness("vmcore-dmesg")
	if err != nil {
		f.Says = err.Error()
		return f
	}
	f.OK, f.Says, f.Cure = true, path, ""
	return f
}

// Witness finds a program of kexec-tools, installed or unpacked by setup.sh.
func Witness(name string) (string, error) {
	root, err := store.Root()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, "witness", "sbin", name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return "", fmt.Errorf("%s: not found: only comparisons with it are missed", name)
}

func cacheFinding() Finding {
	f := Finding{What: "cache", Needed: true}
	root, err := store.Root()
	if err == nil {
		err = os.MkdirAll(root, 0o755)
	}
	var size int64
	if err == nil {
		err = filepath.WalkDir(root, func(_ string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil //nolint:nilerr // an entry that vanishes while we look has no size
			}
			if i, err := d.Info(); err == nil {
				size += i.Size()
			}
			return nil
		})
	}
	if err != nil {
		f.Says, f.Cure = err.Error(), "set LASTPAGE_CACHE to a folder that can be written"
		return f
	}
	f.OK, f.Says = true, fmt.Sprintf("%s (%d MiB)", root, size>>20)
	return f
}
