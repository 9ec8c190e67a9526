// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/dut/qemu"
	"lastpage/dut/qemu/live"
	"lastpage/kernels"
	"lastpage/kernels/prebuilt"
	"lastpage/specs/kit"
)

// onDisk is the first process of the initramfs of a system on a disk: its root is the disk's.
const onDisk = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mkdir -p /proc /dev /disk
mount -t proc proc /proc
mount -t devtmpfs dev /dev
dmesg -n 1
for m in %s; do insmod $m; done
until [ -b /dev/vda1 ]; do sleep 1; done
mount -t ext4 /dev/vda1 /disk && exec switch_root /disk /sbin/init
`

// ownInit is that of the system itself: a login on the console.
const ownInit = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
while :; do setsid getty -L 115200 ttyS0 vt100; done
`

// ownMenu is the GRUB's of that disk, as grub-mkconfig writes it (00_header, 41_custom).
const ownMenu = `load_env
if [ "${next_entry}" ] ; then
  set default="${next_entry}"
  set next_entry=
  save_env next_entry
else
  set default="0"
fi
set timeout=0
menuentry own {
  linux /boot/vmlinuz %s
  initrd /boot/initrd
}
if [ -f ${prefix}/custom.cfg ]; then
  source ${prefix}/custom.cfg
fi
`

// The GRUB of a PC's disk: its modules, and what it does first.
const (
	diskModules = "biosdisk part_msdos ext2 serial terminal normal boot linux configfile loadenv test echo"
	diskEarly   = "serial --unit=0 --speed=115200\nterminal_input serial\nterminal_output serial\nnormal ($root)/boot/grub/grub.cfg\n"
)

// Sizes of that disk, in sectors: where its one partition begins, after GRUB's image, and how many it has.
const (
	sector     = 512
	diskStart  = 2048
	diskLength = 160 << 20 / sector
)

// disk makes a file that is a disk with a system on it: GRUB, a kernel, an initramfs, and a root file system with a shell. more is for the
// kernel's command line.
func disk(ctx context.Context, root, more string) string {
	GinkgoHelper()
	dir := GinkgoT().TempDir()
	cat, err := kernels.LoadCatalogue()
	Expect(err).NotTo(HaveOccurred())
	img, err := cat.Prepare(ctx, "debian-6.12", kernels.Options{Progress: GinkgoWriter, Use: prebuilt.Shell})
	Expect(err).NotTo(HaveOccurred())
	drivers, err := cat.Drivers(ctx, "debian-6.12", []string{"virtio_blk", "crc32c_generic", "ext4", "virtio_net"}, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	first := filepath.Join(dir, "first")
	files, places := map[string]string{"/shell": first}, []string{}
	for i, d := range drivers {
		at := fmt.Sprintf("/drivers/%d-%s", i, filepath.Base(d))
		files[at], places = d, append(places, at)
	}
	Expect(os.WriteFile(first, fmt.Appendf(nil, onDisk, strings.Join(places, " ")), 0o755)).To(Succeed())
	initrd, _, err := live.Shell(img, files)
	Expect(err).NotTo(HaveOccurred())

	tree := filepath.Join(dir, "root")
	put := func(at string, data []byte) {
		path := filepath.Join(tree, at)
		Expect(os.MkdirAll(filepath.Dir(path), 0o755)).To(Succeed())
		Expect(os.WriteFile(path, data, 0o755)).To(Succeed())
	}
	for _, empty := range []string{"proc", "dev", "tmp", "bin"} {
		Expect(os.MkdirAll(filepath.Join(tree, empty), 0o755)).To(Succeed())
	}
	busybox, err := exec.LookPath("busybox")
	Expect(err).NotTo(HaveOccurred())
	own := withLibraries(ctx, root, "usr/bin/grub-editenv")
	own["/bin/busybox"], own["/boot/vmlinuz"] = busybox, img.Vmlinuz
	for at, from := range own {
		data, err := os.ReadFile(from)
		Expect(err).NotTo(HaveOccurred())
		put(at, data)
	}
	put("boot/initrd", initrd)
	put("sbin/init", []byte(ownInit))
	put("etc/passwd", []byte("root::0:0:root:/:/bin/sh\n"))
	put("etc/group", []byte("root:x:0:\n"))
	put("boot/grub/grub.cfg", fmt.Appendf(nil, ownMenu, img.Cmdline+live.ShellArgs+" "+qemu.CounterWord()+" "+strings.ReplaceAll(more, "$", `\$`)))
	tool(ctx, root, "grub-editenv", filepath.Join(tree, "boot/grub/grubenv"), "create")

	early, core := filepath.Join(dir, "early.cfg"), filepath.Join(dir, "core.img")
	Expect(os.WriteFile(early, []byte(diskEarly), 0o644)).To(Succeed())
	modules := filepath.Join(root, "usr/lib/grub/i386-pc")
	tool(ctx, root, "grub-mkimage", append([]string{"-d", modules, "-O", "i386-pc", "-p", "(hd0,msdos1)/boot/grub", "-c", early, "-o", core}, strings.Fields(diskModules)...)...)
	record, err := os.ReadFile(filepath.Join(modules, "boot.img"))
	Expect(err).NotTo(HaveOccurred())
	loader, err := os.ReadFile(core)
	Expect(err).NotTo(HaveOccurred())
	Expect(len(loader)).To(BeNumerically("<", (diskStart-1)*sector))

	By("writing a boot record with one partition, GRUB after it, and the system into the partition")
	clear(record[440:510]) // a floppy's code
	part := record[446:462]
	part[0], part[4] = 0x80, 0x83 // the one that is booted, Linux's
	binary.LittleEndian.PutUint32(part[8:], diskStart)
	binary.LittleEndian.PutUint32(part[12:], diskLength)
	binary.LittleEndian.PutUint16(record[510:], 0xaa55)
	image := filepath.Join(dir, "disk.img")
	Expect(os.WriteFile(image, append(record, loader...), 0o644)).To(Succeed())
	Expect(os.Truncate(image, (diskStart+diskLength)*sector)).To(Succeed())
	tool(ctx, root, "mke2fs", "-q", "-t", "ext3", "-d", tree, "-E", fmt.Sprintf("offset=%d", diskStart*sector), image, fmt.Sprintf("%dk", diskLength*sector>>10))
	return image
}

// tool runs a program of the labs' packages, or of this machine's.
func tool(ctx context.Context, root, name string, args ...string) {
	GinkgoHelper()
	path := filepath.Join(root, "usr/bin", name)
	if _, err := os.Stat(path); err != nil {
		path = filepath.Join("/usr/sbin", name)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = ofLabs(root)
	out, err := cmd.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(out))
}

// installed is the part of an inventory's entry for a board that boots its own disk. The file system is left clean: GRUB reads no journal.
const installed = `      installed:
        folder: %s
        user: root
        setup: [ifconfig eth0 10.0.2.15 up]
        fetch: tftp -b 1428 -g -r {name} -l {file} 10.0.2.2
        start: sync; mount -o remount,ro /; reboot -f
`

// disked is a lab whose board boots a disk with a system on it; its dump is that of a kind of boards. more is for that system's command line.
func disked(ctx context.Context, kind, dumps, more string) *kit.Lab {
	GinkgoHelper()
	root := labs()
	if _, err := os.Stat(filepath.Join(root, "usr/lib/grub/i386-pc/boot.img")); err != nil {
		Skip("GRUB for a PC's disk is not in " + root + ": setup.sh --labs unpacks it there")
	}
	b, err := bench.Disked(context.WithoutCancel(ctx), kind, dumps, disk(ctx, root, more))
	Expect(err).NotTo(HaveOccurred())
	return booting(b, "own", fmt.Sprintf(installed, b.TFTP))
}
