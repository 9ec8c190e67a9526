// SPDX-License-Identifier: Apache-2.0

package port

import (
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
)

// schemed is a name that begins as the kinds of sources do.
var schemed = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*):`)

// CheckName says what is wrong with how a port's name is written. Whether there is such a port only opening it tells.
func CheckName(name string) error {
	for _, prefix := range []string{tcpPrefix, telnetPrefix, rfc2217Prefix} {
		if addr, ok := endpoint(name, prefix); ok {
			return checkEndpoint(prefix, addr)
		}
	}
	switch command, isCommand := strings.CutPrefix(name, execPrefix); {
	case isCommand && strings.TrimSpace(command) == "":
		return errors.New("want a command, such as exec:ssh lab console board7")
	case isCommand:
		return nil
	case strings.HasPrefix(name, usbPrefix):
		_, err := usbWanted(name)
		return err
	case strings.HasPrefix(name, ttyPrefix):
		rest := strings.TrimPrefix(name, ttyPrefix)
		if !strings.Contains(rest, "=") {
			return nil // a path
		}
		_, err := properties(rest)
		return err
	}
	if _, err := os.Lstat(name); err == nil {
		return nil // a link in this folder that is called so
	}
	if m := schemed.FindStringSubmatch(name); m != nil {
		return fmt.Errorf("%s: is no kind of port: want a path such as /dev/ttyUSB0, usb:VID:PID, tty:serial=..., rfc2217://HOST:PORT, telnet://HOST:PORT, tcp:HOST:PORT or exec:COMMAND", m[1])
	}
	return nil
}

func checkEndpoint(prefix, addr string) error {
	host, number, err := net.SplitHostPort(addr)
	if err == nil && !strings.ContainsAny(host, "/ ") {
		if n, err := net.LookupPort("tcp", number); err == nil && n > 0 {
			return nil
		}
	}
	slashes := "//"
	if prefix == tcpPrefix {
		slashes = ""
	}
	return fmt.Errorf("want %s%sHOST:PORT, such as %s%s192.0.2.7:2001", prefix, slashes, prefix, slashes)
}

// usbWanted are the vendor, the product and, if there is one, the serial number of a name.
func usbWanted(name string) ([]string, error) {
	want := strings.SplitN(strings.TrimPrefix(name, usbPrefix), ":", 3)
	if len(want) < 2 || want[0] == "" || want[1] == "" {
		return nil, errors.New("want usb:VID:PID or usb:VID:PID:SERIAL, as usb:0403:6001:FT12AB")
	}
	return want, nil
}
