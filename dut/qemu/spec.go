// SPDX-License-Identifier: Apache-2.0

// Package qemu is a board made of an unmodified QEMU: a process started from a pure argv, spoken to over QMP, with the guest's RAM and
// the UART model's page in memory that the harness can read.
//
// Data comes in as a Spec (kernel, initramfs, command line, the wire's mode) and goes out as a dut.Board: bytes of the console with virtual
// times, doorbell events, and the guest's physical memory, whether its kernel lives or is dead.
package qemu

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"lastpage/dut/qemu/vuart"
)

// Mode says which clock the wire runs on. It is shown in every grade.
type Mode string

const (
	// Exact counts instructions (icount): the same inputs give the same wire bytes at the same virtual times. One vCPU runs at a time.
	Exact Mode = "exact"
	// Concurrent runs vCPUs in parallel on the host's clock. Not repeatable; valid only while the UART model saw no overrun.
	Concurrent Mode = "concurrent"
	// Free is QEMU's own UART, which has no baud rate. No board runs on it; it is there to be compared with.
	Free Mode = "free"
)

// Spec is everything that makes one QEMU process. Paths are as QEMU opens them; files that the harness made and handed over as inherited
// descriptors are named /proc/self/fd/N.
type Spec struct {
	Binary string // the QEMU program; "" means qemu-system-x86_64 from PATH
	Mode   Mode
	Accel  string // "tcg" or "kvm"; the UART model needs tcg

	MemMiB int
	CPUs   int

	Kernel   string
	Initrd   string
	Cmdline  string
	Firmware string // file that is run instead of a kernel
	PC       bool   // the machine is QEMU's pc (i440FX), which firmware that boots a Linux knows better; otherwise it is q35
	TFTP     string // folder that QEMU's own network serves by DHCP and TFTP; "": there is no network
	Bootfile string // with TFTP: what the network card's own PXE fetches there and starts; "": the card has no PXE
	Uplink   bool   // that network also leads to this machine, which is 10.0.2.2 there, and on from it
	Disk     string // file that is the machine's disk, its bytes as they are; "": it has none
	Restarts bool   // the guest's reset is a reset and its power-off the end; otherwise the machine stands for ever after either

	RAM      string   // file that backs guest RAM, shared
	Private  bool     // not shared: what the guest writes is in its own process only
	Control  string   // file or pipe that receives the guest's control channel; "" for none
	QMP      string   // name of the abstract Unix socket for QMP
	Plugin   []string // arguments of -plugin, comma-joined; empty: QEMU's own UART, without a baud rate
	Serial   string   // chardev arguments of QEMU's own UART; "" is null
	Incoming bool     // wait for the devices' state of a snapshot instead of booting

	Shift int           // icount shift in Exact mode: one guest instruction takes 2^Shift ns
	Later time.Duration // the guest's wall clock is ahead by so much at power-on in Exact mode, whole seconds
	Seed  uint64        // seed of QEMU's random numbers in Exact mode
}

const defaultBinary = "qemu-system-x86_64"

// epoch is the guest's wall clock at power-on in Exact mode. Its value is arbitrary; that it never changes is the point.
var epoch = time.Date(2023, 11, 1, 0, 0, 0, 0, time.UTC)

// Argv is the command line, program first. It is a pure function: equal specs give equal argv, in a fixed order.
func (s *Spec) Argv() []string {
	bin := s.Binary
	if bin == "" {
		bin = defaultBinary
	}
	argv := []string{bin,
		"-nodefaults", "-no-user-config", "-display", "none", "-sandbox", vuart.Sandbox, "-S",
		"-name", "lastpage",
		"-object", fmt.Sprintf("memory-backend-file,id=ram,size=%dM,share=%s,mem-path=%s", s.MemMiB, onOff(!s.Private), s.RAM),
		"-machine", s.board() + ",memory-backend=ram",
		"-m", strconv.Itoa(s.MemMiB),
		"-smp", strconv.Itoa(s.CPUs),
		"-accel", s.accel(),
		"-cpu", "max",
	}
	if !s.Restarts {
		argv = append(argv, "-action", "reboot=shutdown,shutdown=pause,panic=none")
	}
	if s.Mode == Exact {
		argv = append(argv,
			"-icount", fmt.Sprintf("shift=%d,sleep=off", s.Shift),
			"-rtc", "base="+epoch.Add(s.Later).Format("2006-01-02T15:04:05")+",clock=vm",
			"-seed", strconv.FormatUint(s.Seed, 10))
	}
	argv = append(argv,
		"-chardev", "socket,id=qmp,abstract=on,server=on,wait=off,path="+escape(s.QMP),
		"-mon", "chardev=qmp,mode=control")
	serial := s.Serial
	if serial == "" {
		serial = "null"
	}
	// QEMU's own UART stays even under the model: ACPI announces COM1 because of it. The model's region covers its ports.
	argv = append(argv, "-chardev", withID(serial, "com1"), "-serial", "chardev:com1")
	if s.Control != "" {
		// ioeventfd=off: the guest's kick is carried out inside its own OUT, so that the channel costs no host-dependent time.
		argv = append(argv,
			"-device", "virtio-serial-pci,ioeventfd=off,max_ports=2",
			"-chardev", "file,id=ctl,path="+escape(s.Control),
			"-device", "virtserialport,chardev=ctl,name=lastpage.ctl")
	}
	if s.TFTP != "" {
		net := "user,id=net,"
		if !s.Uplink {
			net += "restrict=on," // nothing but DHCP and TFTP is answered
		}
		net, card := net+"tftp="+escape(s.TFTP), "virtio-net-pci,netdev=net"
		if s.Bootfile != "" {
			net += ",bootfile=" + escape(s.Bootfile)
		} else {
			card += ",romfile="
		}
		argv = append(argv, "-netdev", net, "-device", card)
	}
	if s.Disk != "" {
		argv = append(argv, "-drive", "if=none,id=disk,format=raw,file="+escape(s.Disk), "-device", "virtio-blk-pci,drive=disk,bootindex=0")
	}
	if len(s.Plugin) > 0 {
		argv = append(argv, "-plugin", strings.Join(s.Plugin, ","))
	}
	if s.Firmware != "" {
		argv = append(argv, "-bios", s.Firmware)
	} else {
		argv = append(argv, "-kernel", s.Kernel)
	}
	if s.Initrd != "" {
		argv = append(argv, "-initrd", s.Initrd)
	}
	if s.Cmdline != "" {
		argv = append(argv, "-append", s.Cmdline)
	}
	if s.Incoming {
		argv = append(argv, "-incoming", "defer")
	}
	return argv
}

func (s *Spec) board() string {
	if s.PC {
		return "pc"
	}
	return "q35"
}

// accel names the accelerator. Exact mode is single-threaded by nature; Concurrent asks for one thread a vCPU.
func (s *Spec) accel() string {
	if s.Accel == "kvm" {
		return "kvm"
	}
	if s.Mode == Exact {
		return "tcg,thread=single"
	}
	return "tcg,thread=multi"
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// escape doubles the commas in a value, which QEMU's option parser would take as separators.
func escape(v string) string { return strings.ReplaceAll(v, ",", ",,") }

// withID puts an id behind a chardev's backend name, where QEMU expects it.
func withID(chardev, id string) string {
	backend, rest, found := strings.Cut(chardev, ",")
	if found {
		return backend + ",id=" + id + "," + rest
	}
	return backend + ",id=" + id
}
