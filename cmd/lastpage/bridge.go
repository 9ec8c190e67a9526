// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"lastpage/dut/qemu"
	"lastpage/dut/qemu/bridge"
	"lastpage/dut/qemu/live"
	"lastpage/dut/qemu/vuart"
	"lastpage/kernels"
	"lastpage/kernels/prebuilt"
)

// breakTime is how long a BREAK is that a signal asks for; tcsendbreak(3) sends as much.
const breakTime = 250 * time.Millisecond

// Firmware: a PC's BIOS that boots from a disk, and one that does from a network card.
const (
	bios = "bios"
	pxe  = "pxe"
)

// bridged is a guest and the places where its serial line comes out.
type bridged struct {
	kernel, firmware, more, binary string
	catalogue                      []string
	cpus, memory                   int
	tcp, telnet, link              string
	tftp, bootfile, control, disk  string
	fullRate, uplink               bool
	image                          imageFlags
}

func newWireBridge() *cobra.Command {
	var o bridged
	c := &cobra.Command{
		Use:   "bridge",
		Short: "boot something and show its serial line as a pty, a TCP port and RFC 2217",
		Long: `Boots a kernel with a login shell (root, no password), or a firmware, and shows its 16550A as if its plug were there:
at its own baud rate, in the time of this machine. Prints where, one place a line, and runs until Ctrl-C.

  pty      for picocom, minicom, screen: bytes, nothing else. The rate set on it does not matter.
  tcp      for nc, socat, lastpage capture: bytes, nothing else. Any number of viewers; all of them may type.
  rfc2217  for telnet, ser2net, pySerial's rfc2217://: bytes, BREAK both ways, DTR and RTS both ways (a null modem: your DTR is
           the guest's DSR and DCD, your RTS its CTS), and the guest's rate and format when they are asked for.

A pty and a bare port carry no BREAK (Linux drops it on a pty): kill -USR1 sends one. What is typed within 5 s after it is a SysRq
key of a Linux guest.

Nobody has to read: a viewer who does not keep up loses bytes (pty) or his connection (TCP); the guest never waits for him.
What is typed goes out at the guest's rate, but never more than its receiver has room for, so that a host which stalls costs it
nothing. --full-rate sends as a far end does that looks at nothing: a guest whose CPU this host does not let run then loses characters.
Whatever was lost is counted and told at the end, with everything else that is not the guest's doing.

--control makes it a board on a bench: its power is switched through that socket (lastpage wire control), and the places stay.
--tftp gives the machine a network that has nothing but a DHCP and a TFTP server, from which a boot loader fetches a kernel. With
--firmware pxe the network card fetches that loader too, such as PXELINUX. With --uplink a crash kernel on the machine can reach a port
of this one. --disk gives it a disk; with --firmware bios it boots from that, as it is: a boot record, a loader, a system.

A kernel that a firmware starts wants the words that are printed as cmdline: it often fails to measure its clock in the time of this
machine, and then loses characters of its own while it boots.`,
		Example: `  lastpage wire bridge                                   Debian 12's backported cloud kernel, a shell
  lastpage wire bridge --firmware u-boot --tcp :4000     U-Boot; nc 127.0.0.1 4000
  lastpage wire bridge --link /tmp/dut & picocom -b 115200 /tmp/dut
  lastpage wire bridge --image ~/src/linux/arch/x86/boot/bzImage
  lastpage wire bridge --kernel debian-6.12-rt --append 'loglevel=8' --rfc2217 :4001
  lastpage wire bridge --firmware u-boot --memory 1024 --tftp ./tftp --control ./board.ctl
  lastpage wire bridge --firmware bios --disk ./system.img --memory 512 --tftp ./tftp --control ./board.ctl`,
		Args: nothing,
	}
	fl := c.Flags()
	fl.StringVar(&o.kernel, "kernel", "debian-6.12-cloud", "kernel of the catalogue")
	o.image.flags(fl)
	fl.StringVar(&o.firmware, "firmware", "", "file to run instead of a kernel; u-boot: Debian's u-boot-qemu; bios: a PC's BIOS that boots from --disk; pxe: one that boots from --tftp")
	fl.StringVar(&o.more, "append", "", "more for the kernel's command line")
	fl.IntVar(&o.cpus, "cpus", 1, "CPUs of the guest; each takes one of the host's")
	fl.IntVar(&o.memory, "memory", 256, "MiB")
	fl.StringVar(&o.tcp, "tcp", ":0", "address of the bare port; without a host the loopback interface, 0: any port")
	fl.StringVar(&o.telnet, "rfc2217", ":0", "address of the telnet port")
	fl.BoolVar(&o.fullRate, "full-rate", false, "send to the guest at its full rate, whether it reads or not")
	fl.StringVar(&o.tftp, "tftp", "", "with --firmware: folder of files for TFTP")
	fl.StringVar(&o.bootfile, "bootfile", "pxelinux.0", "with --firmware pxe: the file of --tftp that the network card fetches and starts")
	fl.BoolVar(&o.uplink, "uplink", false, "with --tftp: the network also leads to this machine, which is 10.0.2.2 there, and on from it")
	fl.StringVar(&o.disk, "disk", "", "with --firmware: file that is the machine's disk, its bytes as they are; what the machine writes stays in it")
	fl.StringVar(&o.control, "control", "", "make a socket by this name, through which the machine's power is switched")
	fl.StringVar(&o.link, "link", "", "make a symbolic link to the pty by this name")
	fl.StringVar(&o.binary, "qemu", "", "QEMU binary (default qemu-system-x86_64 from PATH)")
	fl.StringSliceVar(&o.catalogue, "catalogue", nil, "catalogue file that adds to the built-in one (also "+kernels.CatalogueEnv+")")
	quietFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.firmware != "" {
			if err := idle(cmd, "with --firmware, which runs in place of a kernel", "kernel", "append", "catalogue", "image"); err != nil {
				return err
			}
		} else if err := idle(cmd, "without --firmware", "tftp", "uplink", "disk"); err != nil {
			return err
		}
		if o.tftp == "" {
			if err := idle(cmd, "without --tftp, which makes the network", "uplink"); err != nil {
				return err
			}
		}
		if o.firmware == pxe && o.tftp == "" {
			return errors.New("--firmware pxe boots from a network: give --tftp, the folder with " + o.bootfile)
		}
		if o.firmware == bios && o.disk == "" {
			return errors.New("--firmware bios boots from a disk: give --disk, a file with a boot record")
		}
		if o.firmware == pxe && o.disk != "" {
			return errors.New("--firmware pxe boots from the network, and --disk would come first: --firmware bios boots from the disk")
		}
		if st, err := os.Stat(o.disk); o.disk != "" && (err != nil || !st.Mode().IsRegular()) {
			return fmt.Errorf("--disk %s: want a file that is there", o.disk)
		}
		if o.firmware != pxe {
			if err := idle(cmd, "without --firmware pxe, which asks for it", "bootfile"); err != nil {
				return err
			}
		} else if st, err := os.Stat(filepath.Join(o.tftp, o.bootfile)); err != nil || !st.Mode().IsRegular() {
			return fmt.Errorf("--bootfile %s: there is no such file in %s (Debian's package pxelinux has a pxelinux.0)", o.bootfile, o.tftp)
		}
		if st, err := os.Stat(o.tftp); o.tftp != "" && (err != nil || !st.IsDir()) {
			return fmt.Errorf("--tftp %s: want a folder that is there", o.tftp)
		}
		if _, err := os.Lstat(o.control); o.control != "" && err == nil {
			return fmt.Errorf("--control %s is there already: remove it, or take another name", o.control)
		}
		if len(o.image.files) > 0 {
			if err := idle(cmd, "with --image, which is booted in its place", "kernel"); err != nil {
				return err
			}
		}
		if len(o.image.files) > 1 {
			return fmt.Errorf("--image %s: one kernel can be booted, %d are given", strings.Join(o.image.files, ", "), len(o.image.files))
		}
		if _, err := os.Lstat(o.link); o.link != "" && err == nil {
			return fmt.Errorf("--link %s is there already: remove it, or take another name", o.link)
		}
		return o.run(cmd)
	}
	return c
}

func (o *bridged) run(cmd *cobra.Command) error {
	ctx, out, errs := cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	if o.cpus < 1 || o.cpus > 8 || o.memory < 64 || o.memory > 2048 {
		return fmt.Errorf("--cpus %d, --memory %d: want 1 to 8, and 64 to 2048 MiB", o.cpus, o.memory)
	}
	p := newProgress(cmd)
	m, err := o.machine(ctx, cmd, p)
	p.end()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &powered{ctx: ctx, machine: m, slot: new(bridge.Slot), to: errs, gone: make(chan error, 1)}
	if err := w.On(ctx); err != nil {
		return err
	}
	ear := &calibration{to: errs}
	b := bridge.New(w.slot, ear.hear)
	b.FullRate = o.fullRate
	pty, err := o.open(ctx, b, out)
	if err == nil && o.control != "" {
		w.stays = true
		err = w.listen(ctx, o.control)
		defer os.Remove(o.control)
	}
	if err == nil {
		_, err = fmt.Fprintf(out, "break    kill -USR1 %d\n", os.Getpid())
	}
	if err == nil {
		err = o.attend(ctx, b, w, errs)
	}
	w.Off()
	cancel()
	if o.link != "" && pty != nil {
		os.Remove(o.link)
	}
	if pty != nil {
		w.account(errs, pty.Lost())
	}
	return err
}

// machine fetches and packs what is booted, and makes sure that the wire can be trusted in this QEMU.
func (o *bridged) machine(ctx context.Context, cmd *cobra.Command, p *progress) (m live.Machine, err error) {
	file, err := o.firmwareFile()
	if err != nil {
		return m, err
	}
	binary := o.binary
	if binary == "" {
		binary = "qemu-system-x86_64"
	}
	p.step("the UART model in %s", binary)
	if _, err := vuart.SelfTest(ctx, binary); err != nil {
		return m, err
	}
	m = live.Machine{Page: vuart.Default(), Spec: qemu.Spec{Binary: o.binary, Mode: qemu.Concurrent, CPUs: o.cpus, MemMiB: o.memory}}
	if o.firmware != "" {
		m.Spec.PC, m.Spec.TFTP, m.Spec.Uplink, m.Spec.Disk = o.tftp != "" || o.disk != "", o.tftp, o.uplink, o.disk
		if o.firmware == pxe {
			m.Spec.Bootfile = o.bootfile
		}
		m.Firmware = file
		return m, nil
	}
	cat, err := kernels.LoadCatalogue(o.catalogue...)
	if err != nil {
		return m, err
	}
	if err := o.image.use(cmd, cat); err != nil {
		return m, err
	}
	for _, name := range o.image.names {
		o.kernel = name
	}
	img, err := cat.Prepare(ctx, o.kernel, kernels.Options{Progress: p, Use: prebuilt.Shell})
	if err != nil {
		return m, err
	}
	m.Spec.Kernel, m.Spec.Cmdline = img.Vmlinuz, strings.TrimSpace(img.Cmdline+live.ShellArgs+" "+o.more)
	m.Initrd, _, err = live.Shell(img, nil)
	return m, err
}

// firmwareFile is the file that is run instead of a kernel; "": there is none.
func (o *bridged) firmwareFile() (path string, err error) {
	path, has := o.firmware, "; u-boot, bios and pxe are names for Debian's"
	switch o.firmware {
	case "":
		return "", nil
	case "u-boot":
		path, has = live.UBoot, ": install u-boot-qemu (setup.sh does)"
	case bios, pxe:
		path, has = live.BIOS, ": install seabios (it comes with Debian's qemu-system-x86)"
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("--firmware %s: no file %s%s", o.firmware, path, has)
	}
	return path, nil
}

// open makes the places and prints them.
func (o *bridged) open(ctx context.Context, b *bridge.Bridge, out io.Writer) (*bridge.PTY, error) {
	pty, err := b.OpenPTY(ctx)
	if err != nil {
		return nil, err
	}
	place := pty.Path
	if o.link != "" {
		if err := os.Symlink(pty.Path, o.link); err != nil {
			return nil, fmt.Errorf("--link: %w", err)
		}
		place += " " + o.link
	}
	var tcp, telnet net.Addr
	if tcp, err = b.ListenTCP(ctx, o.tcp); err == nil {
		telnet, err = b.ListenTelnet(ctx, o.telnet)
	}
	if err != nil {
		return pty, err
	}
	_, err = fmt.Fprintf(out, "pty      %s\ntcp      %s\nrfc2217  %s\n", place, tcp, telnet)
	if word := qemu.CounterWord(); err == nil && o.firmware != "" && word != "" {
		_, err = fmt.Fprintf(out, "cmdline  %s\n", word)
	}
	return pty, err
}

// attend carries bytes and BREAKs until ctx ends, or the guest does and nobody could switch it on again.
func (o *bridged) attend(ctx context.Context, b *bridge.Bridge, w *powered, errs io.Writer) error {
	ask := make(chan os.Signal, 1)
	signal.Notify(ask, syscall.SIGUSR1)
	defer signal.Stop(ask)
	failed := make(chan error, 1)
	go func() { failed <- b.Run(ctx) }()
	for {
		select {
		case <-ask:
			if err := b.Break(ctx, breakTime); err != nil {
				return err
			}
		case err := <-failed:
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		case err := <-w.gone:
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				return err
			}
			fmt.Fprintln(errs, "lastpage: the guest is switched off")
			if !w.stays {
				return nil
			}
		}
	}
}

// calibration listens for a guest that could not measure its own clock because the host stalled.
type calibration struct {
	to   io.Writer
	line []byte
}

func (c *calibration) hear(recs []vuart.Rec) {
	for _, r := range recs {
		switch {
		case !r.Data():
		case r.Byte == '\n':
			for _, said := range vuart.Miscalibrated(c.line) {
				fmt.Fprintf(c.to, "lastpage: the host stalled while the guest measured its clock, so its delays may be off (it said: %s)\n", said)
			}
			c.line = c.line[:0]
		case len(c.line) < 512:
			c.line = append(c.line, r.Byte)
		}
	}
}
