// SPDX-License-Identifier: Apache-2.0

package port

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"lastpage/capture/port/porttest"
)

// A pts number that was given to somebody else is not the board.
func TestReusedPTSIsNotOpened(t *testing.T) {
	master, slave := porttest.PTY(t)
	p, err := Open(context.Background(), Config{Name: slave, Baud: 9600})
	if err != nil {
		t.Fatal(err)
	}
	stop, ended := running(t, p, t.TempDir())
	write(t, master, "board")
	within(t, p.Log(), 5)
	master.Close()
	other, again := porttest.PTY(t)
	if again != slave {
		t.Skipf("%s was not given again: %s", slave, again)
	}
	write(t, other, "somebody else")
	<-ended
	r := stop()
	if got := string(p.Log().Bytes(0, p.Log().Len())); got != "board" {
		t.Errorf("recorded %q", got)
	}
	if r.err != nil || r.report.Gaps != 1 || !strings.Contains(strings.Join(r.report.Void, "|"), "its number may be another one's") {
		t.Errorf("%+v, %v", r.report, r.err)
	}
}

// A link that nobody has made anew leads to the old number; one that was made anew leads to the board.
func TestStaleLinkIsNotOpened(t *testing.T) {
	master, slave := porttest.PTY(t)
	link := filepath.Join(t.TempDir(), "board")
	if err := os.Symlink(slave, link); err != nil {
		t.Fatal(err)
	}
	pl, err := findPlace(link)
	if err != nil {
		t.Fatal(err)
	}
	defer pl.Close()
	if next, err := pl.again(); err != nil {
		t.Errorf("the same device was not found again: %v", err)
	} else {
		next.Close()
	}
	master.Close()
	_, again := porttest.PTY(t)
	if again != slave {
		t.Skipf("%s was not given again: %s", slave, again)
	}
	if next, err := pl.again(); err == nil || !strings.Contains(err.Error(), "the link of before") {
		t.Errorf("%+v, %v", next, err)
	}
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(again, link); err != nil {
		t.Fatal(err)
	}
	if next, err := pl.again(); err != nil {
		t.Errorf("the new link was refused: %v", err)
	} else {
		next.Close()
	}
}

// adapters is a folder of the form of /sys with two FTDI adapters and a UART of the board.
func adapters(t *testing.T) (sys, udev string) {
	t.Helper()
	root := t.TempDir()
	sys, udev = filepath.Join(root, "sys"), filepath.Join(root, "udev")
	file := func(path, contents string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(contents), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, path string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range []struct{ tty, dev, socket, serial string }{{"ttyUSB0", "188:0", "1-1", "FT1\n"}, {"ttyUSB1", "188:1", "1-2", "FT2\n"}, {"ttyUSB2", "188:2", "1-3", ""}} {
		device := filepath.Join(sys, "devices/usb1", a.socket)
		file(filepath.Join(device, "idVendor"), "0403\n")
		file(filepath.Join(device, "idProduct"), "6001\n")
		file(filepath.Join(device, "serial"), a.serial)
		file(filepath.Join(device, "1:1.0/bInterfaceNumber"), "00\n")
		file(filepath.Join(device, "1:1.0", a.tty, "port_number"), "0\n")
		file(filepath.Join(sys, "class/tty", a.tty, "dev"), a.dev+"\n")
		link(filepath.Join(device, "1:1.0", a.tty), filepath.Join(sys, "class/tty", a.tty, "device"))
		link(filepath.Join(device, "1:1.0", a.tty), filepath.Join(sys, "dev/char", a.dev, "device"))
		file(filepath.Join(udev, "c"+a.dev), "S:serial/by-id/x\nE:ID_SERIAL_SHORT="+strings.TrimSpace(a.serial)+"\nE:ID_PATH=pci-"+a.socket+"\n")
	}
	file(filepath.Join(sys, "class/tty/ttyS0/dev"), "4:64\n")
	return sys, udev
}

func TestNames(t *testing.T) {
	sys, udev := adapters(t)
	for _, c := range []struct{ name, want, err string }{
		{"/dev/ttyS0", "/dev/ttyS0", ""},
		{"tty:/dev/ttyS0", "/dev/ttyS0", ""},
		{"usb:0403:6001:FT2", "/dev/ttyUSB1", ""},
		{"usb:0403:6001", "", "3 devices are so: /dev/ttyUSB0, /dev/ttyUSB1, /dev/ttyUSB2"},
		{"usb:0403:6001:FT9", "", "no such device"},
		{"usb:10c4:ea60", "", "no such device"},
		{"tty:serial=FT1", "/dev/ttyUSB0", ""},
		{"tty:path=pci-1-3", "/dev/ttyUSB2", ""},
		{"tty:ID_PATH=pci-1-2,serial=FT2", "/dev/ttyUSB1", ""},
		{"tty:ID_PATH=pci-1-2,serial=FT1", "", "no such device"},
		{"tty:serial=", "", "is no property"},
	} {
		got, err := resolve(sys, udev, c.name)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v; want %q, %q", c.name, got, err, c.want, c.err)
		}
	}
}

// A ttyUSB number is known again by the serial number of its adapter, or by the socket where it has none.
func TestAdapters(t *testing.T) {
	sys, _ := adapters(t)
	for rdev, want := range map[uint64]string{
		unix.Mkdev(188, 0): "usb 0403:6001 serial FT1 interface 00",
		unix.Mkdev(188, 1): "usb 0403:6001 serial FT2 interface 00",
		unix.Mkdev(188, 2): "usb 0403:6001 in socket 1-3 interface 00",
		unix.Mkdev(4, 64):  "",
	} {
		if got := adapterOf(sys, rdev); got != want {
			t.Errorf("%x: %q, want %q", rdev, got, want)
		}
	}
}
