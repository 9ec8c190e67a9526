// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	loader "lastpage/dut/bench"
	"lastpage/dut/qemu"
	"lastpage/dut/qemu/live"
	"lastpage/kernels"
	"lastpage/kernels/prebuilt"
	"lastpage/specs/kit"
	"lastpage/specs/parts"
)

// byItself is what U-Boot fetches and runs when nobody types, for any kernel, initramfs and command line.
const byItself = `tftpboot 0x4000000 {kernel}
setenv ks ${filesize}
tftpboot 0x8000000 {initrd}
setenv rs ${filesize}
setenv bootargs {cmdline}
zboot 0x4000000 ${ks} 0x8000000 ${rs}
`

// byPXELINUX is the same for PXELINUX.
const byPXELINUX = `SERIAL 0 115200
DEFAULT trial
LABEL trial
LINUX {kernel}
INITRD {initrd}
APPEND {cmdline}
`

// indented is text as a block of YAML.
func indented(text string) string {
	return "          " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n          ")
}

// booting is a lab with a board under another name, which is booted in another way.
func booting(b *parts.Board, kind, boot string) *kit.Lab {
	GinkgoHelper()
	name := b.Name + "-" + kind
	inventory, err := bench.Booting(b, name, boot)
	Expect(err).NotTo(HaveOccurred())
	return &kit.Lab{Dir: evidence, Board: name, Inventory: inventory, Progress: GinkgoWriter}
}

// asDirect is a trial on a board, which has to have the fates of the direct QEMU board's.
func asDirect(ctx context.Context, l *kit.Lab) {
	GinkgoHelper()
	Expect(fates(interrupted(ctx, l, "nmi-panic"))).To(Equal(direct(ctx, "nmi-panic")))
}

// networked is a lab whose board's U-Boot is not typed at.
func networked(b *parts.Board) *kit.Lab {
	GinkgoHelper()
	return booting(b, "netboot", fmt.Sprintf(`      netboot:
        folder: %s
        file: boot.scr.uimg
        u-boot-script: true
        banner: "\nU-Boot 20"
        last: "Starting kernel"
        text: |
%s`, b.TFTP, indented(byItself)))
}

// carded is a lab whose board's network card boots PXELINUX; its dump is that of a kind of boards.
func carded(ctx context.Context, kind, dumps string) *kit.Lab {
	GinkgoHelper()
	root := labs()
	b, err := bench.Networked(context.WithoutCancel(ctx), kind, dumps, map[string]string{
		"pxelinux.0": filepath.Join(root, "usr/lib/PXELINUX/pxelinux.0"), "ldlinux.c32": filepath.Join(root, "usr/lib/syslinux/modules/bios/ldlinux.c32")})
	Expect(err).NotTo(HaveOccurred())
	return booting(b, "own", fmt.Sprintf(`      netboot:
        folder: %s
        file: pxelinux.cfg/default
        banner: "PXELINUX 6"
        text: |
%s`, b.TFTP, indented(byPXELINUX)))
}

// shelled is a lab whose board boots a system with a shell, kexec and a network card's driver. more is for that system's command line.
func shelled(ctx context.Context, b *parts.Board, more string) *kit.Lab {
	GinkgoHelper()
	root := labs()
	cat, err := kernels.LoadCatalogue()
	Expect(err).NotTo(HaveOccurred())
	img, err := cat.Prepare(ctx, "debian-6.12", kernels.Options{Progress: GinkgoWriter, Use: prebuilt.Shell})
	Expect(err).NotTo(HaveOccurred())
	drivers, err := cat.Drivers(ctx, "debian-6.12", []string{"virtio_net"}, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	files := withLibraries(ctx, root, "sbin/kexec")
	setup := []string{}
	for _, d := range drivers {
		at := "/drivers/" + filepath.Base(d)
		files[at] = d
		setup = append(setup, fmt.Sprintf("%q", "insmod "+at))
	}
	setup = append(setup, `"ifconfig eth0 10.0.2.15 up"`)
	initrd, _, err := live.Shell(img, files)
	Expect(err).NotTo(HaveOccurred())
	system := &loader.Netboot{Folder: b.TFTP, File: "boot.scr.uimg", Text: byItself, Script: true}
	Expect(system.Check()).To(Succeed())
	_, err = system.Prepare(&loader.Payload{Board: "installed", Kernel: img.Vmlinuz, Initrd: initrd, Cmdline: img.Cmdline + live.ShellArgs + " " + qemu.CounterWord() + " " + more})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(system.Clean()).To(Succeed()) })
	return booting(b, "kexec", fmt.Sprintf(`      kexec:
        folder: %s
        user: root
        setup: [%s]
        fetch: tftp -b 1428 -g -r {name} -l {file} 10.0.2.2
        banner: "\nU-Boot 20"`, b.TFTP, strings.Join(setup, ", ")))
}

// grubbed is a lab whose board has a GRUB: U-Boot is an EFI, and starts it when nobody types.
func grubbed(ctx context.Context, b *parts.Board) *kit.Lab {
	GinkgoHelper()
	root := labs()
	dir := GinkgoT().TempDir()
	early, efi := filepath.Join(dir, "early.cfg"), filepath.Join(dir, "grub.efi")
	Expect(os.WriteFile(early, []byte(toSerial), 0o644)).To(Succeed())
	Expect(os.WriteFile(filepath.Join(b.TFTP, "menu.cfg"), []byte(menu), 0o644)).To(Succeed())
	tool(ctx, root, "grub-mkimage", append([]string{"-d", filepath.Join(root, "usr/lib/grub/i386-efi"), "-O", "i386-efi", "-p", "", "-c", early, "-o", efi},
		strings.Fields(modules)...)...)
	system := &loader.Netboot{Folder: b.TFTP, File: "boot.scr.uimg", Script: true,
		Text: "tftpboot 0x4000000 {kernel}\nsetenv unused {initrd} {cmdline}\nbootefi 0x4000000\n"}
	Expect(system.Check()).To(Succeed())
	_, err := system.Prepare(&loader.Payload{Board: "grub", Kernel: efi})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(system.Clean()).To(Succeed()) })
	return booting(b, "grub", fmt.Sprintf("      grub-serial: {folder: %s}", b.TFTP))
}

var _ = Describe("a board that is not typed at as U-Boot is", Label("bench", "boot"), func() {
	It("boots from its network by itself", func(ctx SpecContext) {
		b, _ := board(parts.BMC)
		asDirect(ctx, networked(b))
	}, SpecTimeout(bootLimit))

	It("boots from its network card by itself, by PXELINUX", func(ctx SpecContext) {
		asDirect(ctx, carded(ctx, "pxe", parts.Plain))
	}, SpecTimeout(bootLimit))

	It("starts the kernel of a trial from the shell of its own system, by kexec", func(ctx SpecContext) {
		b, _ := board(parts.BMC)
		asDirect(ctx, shelled(ctx, b, ""))
	}, SpecTimeout(bootLimit))

	It("is taken out of GRUB's menu and typed at", func(ctx SpecContext) {
		b, _ := board(parts.BMC)
		asDirect(ctx, grubbed(ctx, b))
	}, SpecTimeout(bootLimit))

	It("boots the kernel of a trial once from its disk, beside its own", func(ctx SpecContext) {
		asDirect(ctx, disked(ctx, "installed", parts.Plain, ""))
	}, SpecTimeout(bootLimit))
})

// modules are those of the GRUB that the machine gets.
const modules = "serial terminal net efinet tftp linux normal boot configfile"

// toSerial is what that GRUB does first: its terminal is the console, on which it shows a menu.
const toSerial = "serial --unit=0 --speed=115200\nterminal_input serial\nterminal_output serial\nnormal (tftp)/menu.cfg\n"

// menu has one entry, which would be taken after a minute.
const menu = "set timeout=60\nmenuentry other { echo another system }\n"

// withLibraries are a program of labs' and what it is linked with, by their places in a guest.
func withLibraries(ctx context.Context, root, program string) map[string]string {
	GinkgoHelper()
	path := filepath.Join(root, program)
	ldd := exec.CommandContext(ctx, "ldd", path)
	ldd.Env = ofLabs(root)
	out, err := ldd.Output()
	Expect(err).NotTo(HaveOccurred())
	files := map[string]string{"/" + program: path}
	for l := range strings.Lines(string(out)) {
		f := strings.Fields(l)
		switch {
		case len(f) > 2 && f[1] == "=>":
			Expect(f[2]).To(BeAnExistingFile(), l)
			files["/lib/x86_64-linux-gnu/"+f[0]] = f[2]
		case strings.HasPrefix(f[0], "/"):
			files[f[0]] = f[0]
		}
	}
	return files
}
