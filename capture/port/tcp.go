// SPDX-License-Identifier: Apache-2.0

package port

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// tcpPrefix begins the name of a raw TCP port, such as one of ser2net. Telnet
// options are not spoken: the server must be set to raw.
const tcpPrefix = "tcp:"

type tcp struct{ net.Conn }

func dial(ctx context.Context, addr string) (source, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &tcp{c}, nil
}

func (t *tcp) Read(p []byte) (int, error) {
	if err := t.SetReadDeadline(time.Now().Add(readWait)); err != nil {
		return 0, err
	}
	n, err := t.Conn.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, err
}

func (t *tcp) baud() int                   { return 0 }
func (t *tcp) counters() (counters, error) { return counters{}, errNoCounters }

func (t *tcp) caps() Caps {
	return Caps{Write: true, Unseen: []string{"overruns and line errors", "BREAK", "the rate of the line"}}
}

func (t *tcp) write(ctx context.Context, b []byte) error {
	stop := context.AfterFunc(ctx, func() { _ = t.SetWriteDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() {
			_ = t.SetWriteDeadline(time.Time{})
		}
	}()
	n, err := t.Conn.Write(b)
	if err != nil {
		return fmt.Errorf("%d bytes were sent: %w", n, errors.Join(ctx.Err(), err))
	}
	return nil
}

func (t *tcp) sendBreak(context.Context, time.Duration) error { return ErrNoBreak }
