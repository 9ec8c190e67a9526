// SPDX-License-Identifier: Apache-2.0

package power

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// cured is the error of a switch that cannot be reached over the network, with where to look.
func cured(err error) error {
	switch {
	case errors.As(err, new(*net.DNSError)):
		return fmt.Errorf("%w: look at how the host's name is written, and at the network", err)
	case errors.Is(err, unix.ECONNREFUSED):
		return fmt.Errorf("%w: nobody listens there: look at the host and the port, and whether its service runs", err)
	case errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.ENETUNREACH), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: nobody answers there: look at the address, and at the network", err)
	}
	return err
}
