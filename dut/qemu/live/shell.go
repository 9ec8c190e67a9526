// SPDX-License-Identifier: Apache-2.0

package live

import (
	"bytes"
	"debug/elf"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"lastpage/kernels"
	"lastpage/kernels/plan"
)

// shellInit is process 1 of a guest with a login shell on its serial port.
const shellInit = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mkdir -p /proc /sys /tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
dmesg -n 1
while :; do setsid getty -L 115200 ttyS0 vt100; done
`

// ShellArgs is what the kernel's command line needs more, with a space before it.
const ShellArgs = " rdinit=/shell"

// Shell packs an initramfs with busybox, in which root logs in on the serial port without a password; with setserial and its libraries, if it
// is installed here; and with extra files (name in the guest -> file here).
func Shell(img *kernels.Image, extra map[string]string) (initrd []byte, hasSetserial bool, err error) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return nil, false, errors.New("busybox: not found: install busybox-static (setup.sh does)")
	}
	dir, err := os.MkdirTemp("", "lastpage-shell-")
	if err != nil {
		return nil, false, err
	}
	defer os.RemoveAll(dir)
	files := map[string]string{"/bin/busybox": busybox}
	for at, content := range map[string]string{"/shell": shellInit, "/etc/passwd": "root::0:0:root:/:/bin/sh\n", "/etc/group": "root:x:0:\n"} {
		files[at] = filepath.Join(dir, filepath.Base(at))
		if err := os.WriteFile(files[at], []byte(content), 0o755); err != nil {
			return nil, false, err
		}
	}
	if path, err := exec.LookPath("setserial"); err == nil {
		if libs, err := libraries(path); err == nil {
			hasSetserial = true
			files["/sbin/setserial"] = path
			maps.Copy(files, libs)
		}
	}
	maps.Copy(files, extra)
	var b bytes.Buffer
	err = kernels.WriteInitramfs(&b, img, plan.Default("00000000", 1), files)
	return b.Bytes(), hasSetserial, err
}

// libraries are what a dynamic program needs, by the place where its loader looks.
func libraries(path string) (map[string]string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := map[string]string{}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			b := make([]byte, p.Filesz)
			if _, err := p.ReadAt(b, 0); err != nil {
				return nil, err
			}
			loader := strings.TrimRight(string(b), "\x00")
			out[loader] = loader
		}
	}
	names, err := f.ImportedLibraries()
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		lib := filepath.Join("/lib/x86_64-linux-gnu", n)
		if _, err := os.Stat(lib); err != nil {
			return nil, err
		}
		out[lib] = lib
	}
	return out, nil
}
