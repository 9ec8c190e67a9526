// SPDX-License-Identifier: Apache-2.0

package port

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A peer that vanished is noticed after about deadAfter: idle connections are probed, and what we send must be acknowledged.
const (
	probeEvery = 2 * time.Second
	deadAfter  = 8 * time.Second
	dialWait   = 5 * time.Second
	jiffy      = 10 * time.Millisecond
	greetWait  = 300 * time.Millisecond // for what a server says as a connection begins, and for the end that comes after a refusal
)

// tcp is a raw TCP port of a terminal server.
type tcp struct {
	descriptor
	watch watch
	fresh bool // nothing was read yet
	first []piece
	said  string // the server's banner, until it was told of
}

func dialTCP(ctx context.Context, addr string) (source, error) {
	fd, err := connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	t := &tcp{descriptor: fd, fresh: true}
	if t.wait(greetWait) {
		if t.first, err = t.read(make([]byte, readBytes)); err != nil && len(t.first) == 0 {
			_ = t.Close()
			return nil, err
		}
	}
	return t, nil
}

// connect makes a connection that notices when its peer is gone. Go's runtime does not own the descriptor: it is polled like a tty's.
func connect(ctx context.Context, addr string) (descriptor, error) {
	d := net.Dialer{Timeout: dialWait, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: probeEvery, Interval: probeEvery, Count: int(deadAfter/probeEvery) - 1}}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return -1, err
	}
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	cerr := raw.Control(func(s uintptr) {
		if fd, err = unix.FcntlInt(s, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(deadAfter.Milliseconds()))
		}
	})
	return descriptor(fd), errors.Join(cerr, err)
}

func (t *tcp) ready(d time.Duration) bool { return len(t.first) > 0 || t.watch.wait(t.descriptor, d) }

func (t *tcp) Close() error {
	t.watch.Close()
	return t.descriptor.Close()
}

func (t *tcp) read(buf []byte) ([]piece, error) {
	if p := t.first; len(p) > 0 {
		t.first = nil
		return p, nil
	}
	n, err := t.get(buf)
	if err == nil && n > 0 && t.fresh {
		n, err = t.greeted(buf, n)
	}
	b := buf[:n]
	if n > 0 && t.fresh {
		t.fresh = false
		t.said, b = unbanner(b)
	}
	if len(b) == 0 {
		return nil, err
	}
	return []piece{{data: b}}, err
}

// greeted looks at the first n bytes of a connection. It waits for more where they could be telnet's or a refusal.
func (t *tcp) greeted(buf []byte, n int) (int, error) {
	for (mayNegotiate(buf[:n]) || refuses(buf[:n])) && n < greetingBytes && t.wait(greetWait) {
		k, err := t.get(buf[n:])
		n += k
		if err != nil {
			if refuses(buf[:n]) {
				return 0, &refusal{strings.TrimSpace(string(buf[:n]))}
			}
			return n, nil // the next read says so again
		}
	}
	if negotiates(buf[:n]) {
		return 0, errTelnet
	}
	return n, nil
}

func (t *tcp) full() bool { return t.backedUp() }

// backedUp says that the socket's buffer is half full: its window may have been closed.
func (fd descriptor) backedUp() bool {
	var info [9]uint32 // SK_MEMINFO_VARS of include/uapi/linux/sock_diag.h
	size := uint32(len(info) * 4)
	if err := getsockopt(int(fd), unix.SOL_SOCKET, unix.SO_MEMINFO, info[:], &size); err != nil {
		return true
	}
	const rmemAlloc, rcvBuf = 0, 1
	return info[rmemAlloc] > info[rcvBuf]/2
}

func (t *tcp) silence() time.Duration { return t.sinceHeard() }

// sinceHeard is the time since the peer's last data or acknowledgement of a probe, at least: the kernel counts it in jiffies.
func (fd descriptor) sinceHeard() time.Duration {
	info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0
	}
	return time.Duration(min(info.Last_data_recv, info.Last_ack_recv))*time.Millisecond + jiffy
}

func (t *tcp) look() (found []finding) {
	if t.said != "" {
		found = append(found, finding{tell: "the server says for itself: " + t.said})
		t.said = ""
	}
	return found
}

func (t *tcp) rate() int                                      { return 0 }
func (t *tcp) ledger() *ledger                                { return nil }
func (t *tcp) counters() (counters, error)                    { return counters{}, errNoCounters }
func (t *tcp) write(ctx context.Context, b []byte) error      { return t.put(ctx, b) }
func (t *tcp) sendBreak(context.Context, time.Duration) error { return ErrNoBreak }

func (t *tcp) caps() Caps {
	return Caps{Write: true, Unseen: []string{unseenErrors, unseenBreak, unseenRate, unseenServer}}
}

// ended says whether a connection was closed by its peer, in order or not.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}
