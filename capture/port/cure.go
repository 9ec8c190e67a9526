// SPDX-License-Identifier: Apache-2.0

package port

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// cures are where to look when a port cannot be opened, by what the system said.
var cures = []struct {
	err  error
	look string
}{
	{unix.ECONNREFUSED, "nobody listens there: look whether the server runs, and at the port's number"},
	{unix.EHOSTUNREACH, "look at the address, and at the network"},
	{unix.ENETUNREACH, "look at the address, and at the network"},
	{os.ErrDeadlineExceeded, "nobody answers there: look at the address, and at the network"},
	{unix.ETIMEDOUT, "nobody answers there: look at the address, and at the network"},
	{fs.ErrNotExist, "there is no such port now: look whether its adapter is plugged in, and at the names in /dev/serial/by-path"},
	{fs.ErrPermission, "this user may not open it: on most systems members of the group dialout may"},
}

// cured is err with where to look, for a port of that name.
func cured(name string, err error) error {
	if errors.As(err, new(*refusal)) {
		return fmt.Errorf("%w: look who else has the port, and whether the server has its own", err)
	}
	if dns := new(net.DNSError); errors.As(err, &dns) {
		return fmt.Errorf("%w: look at how the host's name is written, and at the network", err)
	}
	if IsTTY(name) && !strings.ContainsAny(name, "/:") && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: a port is named by its path, such as /dev/%s", err, name)
	}
	for _, c := range cures {
		if errors.Is(err, c.err) {
			return fmt.Errorf("%w: %s", err, c.look)
		}
	}
	return err
}
