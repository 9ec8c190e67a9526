// SPDX-License-Identifier: Apache-2.0

package port

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	ttyPrefix = "tty:"
	usbPrefix = "usb:"
)

// place is where a tty was opened, so that what has its name later is not taken for it.
type place struct {
	name   string // as given
	path   string // of the node, links resolved
	node   int    // O_PATH: it has no links any more once the node is gone, whatever has the number then
	rdev   uint64
	link   string // what the given name was if it was a link: its inode and its time
	device string // what sysfs says of the adapter; "" for what is no USB device
}

// errGone: nothing that has this name later can be told from the port that was opened.
var errGone = errors.New("the pty is gone, and its number may be another one's by now; name a link to it, which its owner makes anew")

// findPlace resolves a name to the node of a tty.
func findPlace(name string) (*place, error) {
	path, err := resolve("/sys", "/run/udev/data", name)
	if err != nil {
		return nil, err
	}
	pl := &place{name: name, link: linkAt(path)}
	if pl.path, err = filepath.EvalSymlinks(path); err != nil {
		return nil, err
	}
	if pl.node, err = unix.Open(pl.path, unix.O_PATH|unix.O_CLOEXEC, 0); err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(pl.node, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFCHR {
		err = fmt.Errorf("%s is not a device", pl.path)
	}
	if err != nil {
		pl.Close()
		return nil, err
	}
	pl.rdev = st.Rdev
	pl.device = adapterOf("/sys", st.Rdev)
	return pl, nil
}

func (pl *place) Close() { _ = unix.Close(pl.node) }

// again finds the port where it has come back. An error is a reason to go on waiting, or wraps errGone.
func (pl *place) again() (*place, error) {
	next, err := findPlace(pl.name)
	gone := pl.nodeGone()
	if err != nil {
		if gone && pl.bare() && isPTS(pl.rdev) {
			err = errGone
		}
		return nil, err
	}
	switch byName := strings.HasPrefix(pl.name, usbPrefix) || strings.HasPrefix(pl.name, ttyPrefix); {
	case !gone || byName && pl.link == "":
	case pl.link != "" && next.link == pl.link:
		err = fmt.Errorf("%s is the link of before, to a device that is gone", pl.name)
	case pl.link != "":
	case isPTS(pl.rdev):
		err = errGone
	case next.device != pl.device:
		err = fmt.Errorf("%s is another device now: %s; it was %s", pl.path, orUnknown(next.device), orUnknown(pl.device))
	}
	if err != nil {
		next.Close()
		return nil, err
	}
	return next, nil
}

func (pl *place) bare() bool { return pl.link == "" }

func (pl *place) nodeGone() bool {
	var st unix.Stat_t
	return unix.Fstat(pl.node, &st) == nil && st.Nlink == 0
}

func linkAt(path string) string {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return ""
	}
	return fmt.Sprintf("%d:%d:%d.%d", st.Dev, st.Ino, st.Ctim.Sec, st.Ctim.Nsec)
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// adapterOf names a USB adapter so that it is known again: by its serial number, or, without one, by the socket it is in.
func adapterOf(sys string, rdev uint64) string {
	dir, err := filepath.EvalSymlinks(fmt.Sprintf("%s/dev/char/%d:%d/device", sys, unix.Major(rdev), unix.Minor(rdev)))
	if err != nil {
		return ""
	}
	u, ok := usbOf(dir)
	if !ok {
		return ""
	}
	if u.serial != "" {
		return fmt.Sprintf("usb %s serial %s interface %s", u.id, u.serial, u.iface)
	}
	return fmt.Sprintf("usb %s in socket %s interface %s", u.id, u.socket, u.iface)
}

// usb is what sysfs says of the USB device that a tty is part of.
type usb struct{ id, serial, socket, iface string }

// usbOf goes up from the folder of a device to the USB device it is in.
func usbOf(dir string) (u usb, ok bool) {
	for ; len(dir) > 1; dir = filepath.Dir(dir) {
		if u.iface == "" {
			u.iface = attribute(dir, "bInterfaceNumber")
		}
		vendor := attribute(dir, "idVendor")
		if vendor == "" {
			continue
		}
		u.id, u.serial, u.socket = vendor+":"+attribute(dir, "idProduct"), attribute(dir, "serial"), filepath.Base(dir)
		return u, true
	}
	return u, false
}

func attribute(dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
