// SPDX-License-Identifier: Apache-2.0

package port

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// resolve finds the device of usb:VID:PID[:SERIAL], or of tty: with a path or with properties of udev; any other name is a path. More than one
// device of the kind is an error that lists them.
func resolve(sys, udev, name string) (string, error) {
	var found []string
	switch {
	case strings.HasPrefix(name, usbPrefix):
		want, err := usbWanted(name)
		if err != nil {
			return "", err
		}
		found = usbTTYs(sys, want)
	case strings.HasPrefix(name, ttyPrefix):
		rest := strings.TrimPrefix(name, ttyPrefix)
		if !strings.Contains(rest, "=") {
			return rest, nil
		}
		want, err := properties(rest)
		if err != nil {
			return "", err
		}
		found = udevTTYs(sys, udev, want)
	default:
		return name, nil
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("no such device: %w", os.ErrNotExist)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%d devices are so: %s; add the serial number, or name one by /dev/serial/by-path", len(found), strings.Join(found, ", "))
}

// usbTTYs are the ttys of the USB devices that have this vendor, product and, if given, serial number.
func usbTTYs(sys string, want []string) (found []string) {
	for _, tty := range ttys(sys) {
		dir, err := filepath.EvalSymlinks(filepath.Join(sys, "class/tty", tty, "device"))
		if err != nil {
			continue
		}
		u, ok := usbOf(dir)
		if ok && strings.EqualFold(u.id, want[0]+":"+want[1]) && (len(want) < 3 || u.serial == want[2]) {
			found = append(found, "/dev/"+tty)
		}
	}
	return found
}

func ttys(sys string) (names []string) {
	all, _ := os.ReadDir(filepath.Join(sys, "class/tty"))
	for _, e := range all {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names
}

// shorts are names that people use for properties of udev.
var shorts = map[string]string{"serial": "ID_SERIAL_SHORT", "path": "ID_PATH", "vendor": "ID_VENDOR_ID", "model": "ID_MODEL_ID", "interface": "ID_USB_INTERFACE_NUM"}

func properties(text string) (map[string]string, error) {
	want := map[string]string{}
	for _, p := range strings.Split(text, ",") {
		key, value, ok := strings.Cut(p, "=")
		if !ok || key == "" || value == "" {
			return nil, fmt.Errorf("%q is no property: want tty:serial=FT12AB or tty:ID_PATH=...,interface=01", p)
		}
		if long, ok := shorts[key]; ok {
			key = long
		} else if key == strings.ToLower(key) {
			return nil, fmt.Errorf("%s= is no property: want serial, path, vendor, model, interface, or a name of udev's own such as ID_PATH (udevadm info /dev/ttyUSB0 lists them)", key)
		}
		want[key] = value
	}
	return want, nil
}

// udevTTYs are the ttys whose entry in udev's database has all the properties.
func udevTTYs(sys, udev string, want map[string]string) (found []string) {
	for _, tty := range ttys(sys) {
		b, err := os.ReadFile(filepath.Join(udev, "c"+attribute(filepath.Join(sys, "class/tty", tty), "dev")))
		if err != nil {
			continue
		}
		have := map[string]string{}
		for _, line := range strings.Split(string(b), "\n") {
			if p, ok := strings.CutPrefix(line, "E:"); ok {
				key, value, _ := strings.Cut(p, "=")
				have[key] = value
			}
		}
		all := true
		for key, value := range want {
			all = all && have[key] == value
		}
		if all {
			found = append(found, "/dev/"+tty)
		}
	}
	return found
}

// deviceOf is the number of the device at an open descriptor.
func deviceOf(fd int) uint64 {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return 0
	}
	return st.Rdev
}
