// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"strings"
	"testing"
)

// base is a spec with every optional part absent.
func base() Spec {
	return Spec{Mode: Exact, MemMiB: 256, CPUs: 2, Kernel: "/k", RAM: "/proc/self/fd/3", QMP: "q", Shift: 4, Seed: 7}
}

func TestArgv(t *testing.T) {
	const head = "qemu-system-x86_64 -nodefaults -no-user-config -display none " +
		"-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny -S -name lastpage " +
		"-object memory-backend-file,id=ram,size=256M,share=on,mem-path=/proc/self/fd/3 -machine q35,memory-backend=ram -m 256 -smp 2 "
	const act = " -cpu max -action reboot=shutdown,shutdown=pause,panic=none"
	const icount = " -icount shift=4,sleep=off -rtc base=2023-11-01T00:00:00,clock=vm -seed 7"
	const qmp = " -chardev socket,id=qmp,abstract=on,server=on,wait=off,path=q -mon chardev=qmp,mode=control"
	const null = " -chardev null,id=com1 -serial chardev:com1"
	for _, c := range []struct {
		name   string
		change func(*Spec)
		want   string
	}{
		{"exact", func(s *Spec) {}, head + "-accel tcg,thread=single" + act + icount + qmp + null + " -kernel /k"},
		{"concurrent has no icount and a thread a vcpu", func(s *Spec) { s.Mode = Concurrent },
			head + "-accel tcg,thread=multi" + act + qmp + null + " -kernel /k"},
		{"without the model, on kvm", func(s *Spec) { s.Mode, s.Accel, s.Serial = "", "kvm", "file,path=/x" },
			head + "-accel kvm" + act + qmp + " -chardev file,id=com1,path=/x -serial chardev:com1 -kernel /k"},
		{"a snapshot comes back with everything else as it was", func(s *Spec) { s.Incoming = true },
			head + "-accel tcg,thread=single" + act + icount + qmp + null +
				" -kernel /k -incoming defer"},
		{"memory of its own, of which only the beginning is given", func(s *Spec) { s.Private = true },
			strings.Replace(head, "share=on", "share=off", 1) + "-accel tcg,thread=single" + act + icount + qmp + null + " -kernel /k"},
		{"somebody sits at it", func(s *Spec) { s.Firmware, s.Restarts = "/rom", true },
			head + "-accel tcg,thread=single -cpu max" + icount + qmp + null + " -bios /rom"},
		{"a network for firmware alone", func(s *Spec) { s.Firmware, s.Restarts, s.PC, s.TFTP = "/rom", true, true, "/t" },
			strings.Replace(head, "q35", "pc", 1) + "-accel tcg,thread=single -cpu max" + icount + qmp + null +
				" -netdev user,id=net,restrict=on,tftp=/t -device virtio-net-pci,netdev=net,romfile= -bios /rom"},
		{"a network that leads here", func(s *Spec) { s.Firmware, s.Restarts, s.PC, s.TFTP, s.Uplink = "/rom", true, true, "/t", true },
			strings.Replace(head, "q35", "pc", 1) + "-accel tcg,thread=single -cpu max" + icount + qmp + null +
				" -netdev user,id=net,tftp=/t -device virtio-net-pci,netdev=net,romfile= -bios /rom"},
		{"a network card with a PXE", func(s *Spec) { s.Firmware, s.Restarts, s.PC, s.TFTP, s.Bootfile = "/rom", true, true, "/t", "p,0" },
			strings.Replace(head, "q35", "pc", 1) + "-accel tcg,thread=single -cpu max" + icount + qmp + null +
				" -netdev user,id=net,restrict=on,tftp=/t,bootfile=p,,0 -device virtio-net-pci,netdev=net -bios /rom"},
		{"everything, commas doubled", func(s *Spec) {
			s.Control, s.Plugin, s.Initrd, s.Cmdline = "/c,1", []string{"/v.so", "page=/p"}, "/i", "console=ttyS0,115200 x"
		}, head + "-accel tcg,thread=single" + act + icount + qmp + null +
			" -device virtio-serial-pci,ioeventfd=off,max_ports=2 -chardev file,id=ctl,path=/c,,1" +
			" -device virtserialport,chardev=ctl,name=lastpage.ctl -plugin /v.so,page=/p -kernel /k -initrd /i -append console=ttyS0,115200 x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := base()
			c.change(&s)
			if got := strings.Join(s.Argv(), " "); got != c.want {
				t.Errorf("argv\n got %s\nwant %s", got, c.want)
			}
		})
	}
}
