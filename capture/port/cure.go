// SPDX-License-Identifier: Apache-2.0

package port

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

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

// cured is err with where to look.
func cured(err error) error {
	if errors.As(err, new(*refusal)) {
		return fmt.Errorf("%w: look who else has the port, and whether the server has its own", err)
	}
	for _, c := range cures {
		if errors.Is(err, c.err) {
			return fmt.Errorf("%w: %s", err, c.look)
		}
	}
	return err
}
